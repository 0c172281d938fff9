//! A journal gives back what was written, also after a kill in the middle of a line.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Kept, Rows, Table, Tables};

#[derive(Default)]
struct Shelf {
    books: Table<u32, String>,
}

impl Tables for Shelf {
    fn tables(&mut self) -> Vec<(&'static str, &mut dyn Rows)> {
        vec![("books", &mut self.books)]
    }
}

fn fresh_path(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("dezky-journal-{name}-{}", std::process::id()));
    drop(std::fs::remove_file(&path));
    path
}

fn open(path: &Path) -> Kept<Shelf> {
    Kept::persisted(Shelf::default(), path.to_owned()).unwrap()
}

fn books(kept: &Kept<Shelf>) -> Vec<(u32, String)> {
    kept.read(|shelf| shelf.books.iter().map(|(key, row)| (*key, row.clone())).collect())
}

#[test]
fn what_was_written_is_there_after_opening_again() {
    let path = fresh_path("again");
    let kept = open(&path);
    kept.write(|shelf| shelf.books.insert(1, "one".into()));
    kept.write(|shelf| shelf.books.insert(2, "two".into()));
    kept.write(|shelf| shelf.books.remove(&1));
    kept.write(|shelf| shelf.books.change(&2).unwrap().push('!'));

    assert_eq!(books(&open(&path)), [(2, "two!".to_owned())]);
}

#[test]
fn a_line_cut_short_by_a_kill_is_dropped() {
    let path = fresh_path("kill");
    open(&path).write(|shelf| shelf.books.insert(1, "one".into()));
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str("{\"table\":\"books\",\"key\":2,\"ro");
    std::fs::write(&path, text).unwrap();

    assert_eq!(books(&open(&path)), [(1, "one".to_owned())]);
}

#[test]
fn opening_leaves_one_line_for_each_row() {
    let path = fresh_path("compact");
    let kept = open(&path);
    for _ in 0..50 {
        kept.write(|shelf| shelf.books.insert(1, "one".into()));
    }
    drop(open(&path));

    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1);
}

#[test]
fn a_saved_state_loads_and_a_broken_one_changes_nothing() {
    let kept = Kept::in_memory(Shelf::default());
    kept.write(|shelf| shelf.books.insert(7, "seven".into()));
    let saved = kept.save();
    assert_eq!(saved, json!({ "books": [[7, "seven"]] }));

    let other = Kept::in_memory(Shelf::default());
    other.load(&saved).unwrap();
    assert!(other.load(&json!({ "books": [["x", Value::Null]] })).is_err());
    assert_eq!(books(&other), [(7, "seven".to_owned())]);
}
