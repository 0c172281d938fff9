//! However a batch is cut, its statements say the same.

use event_store::{Batch, Value};

use super::Changes;
use crate::memory::Memory;
use crate::model::{Column, ReadModel, Table, Write};

const TABLES: &[Table] = &[Table {
    name: "things",
    key: &["place", "id"],
    columns: &[Column::Text("place"), Column::Text("id"), Column::Text("name"), Column::Int("count")],
    indexes: &[],
}];

const MODEL: ReadModel =
    ReadModel { name: "things", version: 1, reads: &[], tables: TABLES, project: |_| vec![] };

fn key() -> Vec<Value> {
    vec!["here".into(), "a".into()]
}

fn put() -> Write {
    Write::Put { table: "things", key: key(), columns: vec![("name", "first".into())] }
}

fn set(name: &str) -> Write {
    Write::Set { table: "things", key: key(), columns: vec![("name", name.into())] }
}

fn add(by: i64) -> Write {
    Write::Add { table: "things", key: key(), column: "count", by }
}

fn statements(writes: Vec<Write>) -> usize {
    let mut changes = Changes::default();
    changes.take(&MODEL, writes).unwrap();
    let mut batch = Batch::new();
    changes.write_to(&mut batch, &MODEL, 1).unwrap();
    batch.len()
}

#[test]
fn many_operations_on_one_row_are_one_statement() {
    assert_eq!(statements(vec![put(), set("second"), add(1), add(2)]), 1);
    assert_eq!(statements(vec![set("second"), add(1), set("third")]), 1);
}

#[test]
fn what_is_removed_and_made_again_is_there() {
    let remove = Write::Remove { table: "things", key_prefix: vec!["here".into()] };
    assert_eq!(statements(vec![put(), remove.clone()]), 1);
    assert_eq!(statements(vec![put(), remove.clone(), put()]), 2);
    let mut memory = Memory::new(TABLES);
    for write in [put(), add(4), remove, put(), add(2)] {
        memory.apply(&write).unwrap();
    }
    assert_eq!(memory.row("things", &key()).unwrap().count("count"), 2);
}

#[test]
fn a_change_of_a_missing_row_is_an_error_and_not_a_shrug() {
    assert!(Memory::new(TABLES).apply(&set("second")).is_err());
}

#[test]
fn a_name_the_definition_does_not_have_is_an_error() {
    let wrong = Write::Set { table: "things", key: key(), columns: vec![("colour", "red".into())] };
    assert!(Changes::default().take(&MODEL, vec![wrong]).is_err());
}
