//! Keeps a simulator's state: tables that know which rows changed, and a journal of those rows that survives a kill.
//!
//! The journal is one JSON line per changed row, appended before the reply is sent, and rewritten as the rows alone
//! when it is opened or has grown far beyond them. A half-written last line is dropped: its reply was never sent.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

#[cfg(test)]
mod tests;

/// Lines appended since the last rewrite before the next one.
const LINES_BEFORE_REWRITE: usize = 50_000;

/// Rows by key, and which of them changed since the last look.
#[derive(Debug, Clone)]
pub struct Table<K, R> {
    rows: BTreeMap<K, R>,
    changed: BTreeSet<K>,
}

impl<K, R> Default for Table<K, R> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), changed: BTreeSet::new() }
    }
}

impl<K: Ord + Clone, R> Table<K, R> {
    pub fn get(&self, key: &K) -> Option<&R> {
        self.rows.get(key)
    }

    pub fn contains(&self, key: &K) -> bool {
        self.rows.contains_key(key)
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &R)> {
        self.rows.iter()
    }

    pub fn values(&self) -> impl DoubleEndedIterator<Item = &R> {
        self.rows.values()
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn insert(&mut self, key: K, row: R) {
        self.changed.insert(key.clone());
        self.rows.insert(key, row);
    }

    /// The row, to be changed.
    pub fn change(&mut self, key: &K) -> Option<&mut R> {
        let row = self.rows.get_mut(key)?;
        self.changed.insert(key.clone());
        Some(row)
    }

    pub fn remove(&mut self, key: &K) -> Option<R> {
        let row = self.rows.remove(key)?;
        self.changed.insert(key.clone());
        Some(row)
    }

    /// Keeps the rows that `keep` says yes to.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &R) -> bool) {
        let changed = &mut self.changed;
        self.rows.retain(|key, row| {
            let kept = keep(key, row);
            if !kept {
                changed.insert(key.clone());
            }
            kept
        });
    }
}

/// A table seen from the journal: keys and rows as JSON.
pub trait Rows {
    /// The rows changed since the last call; `None` for a removed one.
    fn take_changes(&mut self) -> serde_json::Result<Vec<(Value, Option<Value>)>>;
    fn all(&self) -> serde_json::Result<Vec<(Value, Value)>>;
    fn put(&mut self, key: Value, row: Value) -> serde_json::Result<()>;
    fn drop_row(&mut self, key: Value) -> serde_json::Result<()>;
    fn empty(&mut self);
}

impl<K, R> Rows for Table<K, R>
where
    K: Ord + Clone + Serialize + DeserializeOwned,
    R: Serialize + DeserializeOwned,
{
    fn take_changes(&mut self) -> serde_json::Result<Vec<(Value, Option<Value>)>> {
        let changed = std::mem::take(&mut self.changed);
        let as_json = |key: &K| {
            let row = self.rows.get(key).map(serde_json::to_value).transpose()?;
            Ok((serde_json::to_value(key)?, row))
        };
        changed.iter().map(as_json).collect()
    }

    fn all(&self) -> serde_json::Result<Vec<(Value, Value)>> {
        let as_json = |(key, row)| Ok((serde_json::to_value(key)?, serde_json::to_value(row)?));
        self.rows.iter().map(as_json).collect()
    }

    fn put(&mut self, key: Value, row: Value) -> serde_json::Result<()> {
        self.insert(serde_json::from_value(key)?, serde_json::from_value(row)?);
        Ok(())
    }

    fn drop_row(&mut self, key: Value) -> serde_json::Result<()> {
        self.remove(&serde_json::from_value(key)?);
        Ok(())
    }

    fn empty(&mut self) {
        self.retain(|_, _| false);
    }
}

/// The state of a simulator: its tables by name.
pub trait Tables: Send + 'static {
    fn tables(&mut self) -> Vec<(&'static str, &mut dyn Rows)>;
}

/// A state behind a lock, written through to its journal if it has one. Clones share it.
pub struct Kept<S> {
    inner: Arc<Mutex<Inner<S>>>,
}

impl<S> Clone for Kept<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

struct Inner<S> {
    state: S,
    journal: Option<Journal>,
}

impl<S: Tables> Kept<S> {
    pub fn in_memory(state: S) -> Self {
        Self { inner: Arc::new(Mutex::new(Inner { state, journal: None })) }
    }

    /// `state` is what a new journal starts with; an existing one replaces it.
    pub fn persisted(mut state: S, path: PathBuf) -> io::Result<Self> {
        let journal = Journal::open(path, &mut state)?;
        Ok(Self { inner: Arc::new(Mutex::new(Inner { state, journal: Some(journal) })) })
    }

    pub fn read<T>(&self, look: impl FnOnce(&S) -> T) -> T {
        look(&self.lock().state)
    }

    /// What changed is in the journal when this returns.
    pub fn write<T>(&self, change: impl FnOnce(&mut S) -> T) -> T {
        let mut inner = self.lock();
        let Inner { state, journal } = &mut *inner;
        let result = change(state);
        if let Some(journal) = journal
            && let Err(error) = journal.append(state)
        {
            tracing::error!(path = %journal.path.display(), error = &error as &dyn std::error::Error, "simulator state is not kept");
        }
        result
    }

    /// The whole state, to be given to [`Kept::load`].
    pub fn save(&self) -> Value {
        let mut inner = self.lock();
        let tables = inner.state.tables().into_iter();
        let saved = tables.map(|(name, rows)| (name.to_owned(), json!(rows.all().unwrap_or_default())));
        Value::Object(saved.collect())
    }

    /// Replaces the whole state, and leaves it alone when `saved` cannot be read.
    pub fn load(&self, saved: &Value) -> io::Result<()> {
        let before = self.save();
        self.write(|state| fill(state, saved).or_else(|error| fill(state, &before).and(Err(error))))
    }

    fn lock(&self) -> MutexGuard<'_, Inner<S>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fill<S: Tables>(state: &mut S, saved: &Value) -> io::Result<()> {
    for (name, rows) in state.tables() {
        rows.empty();
        let saved = saved.get(name).cloned().unwrap_or_else(|| json!([]));
        for (key, row) in serde_json::from_value::<Vec<(Value, Value)>>(saved)? {
            rows.put(key, row)?;
        }
    }
    Ok(())
}

struct Journal {
    path: PathBuf,
    file: File,
    lines: usize,
}

impl Journal {
    fn open<S: Tables>(path: PathBuf, state: &mut S) -> io::Result<Self> {
        match std::fs::read_to_string(&path) {
            Ok(text) => replay(state, &text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let file = rewrite(&path, state)?;
        Ok(Self { path, file, lines: 0 })
    }

    fn append<S: Tables>(&mut self, state: &mut S) -> io::Result<()> {
        let mut text = Vec::new();
        for (name, rows) in state.tables() {
            for (key, row) in rows.take_changes()? {
                write_line(&mut text, name, &key, row.as_ref())?;
                self.lines += 1;
            }
        }
        if text.is_empty() {
            return Ok(());
        }
        self.file.write_all(&text)?;
        if self.lines >= LINES_BEFORE_REWRITE {
            self.file = rewrite(&self.path, state)?;
            self.lines = 0;
        }
        Ok(())
    }
}

fn write_line(text: &mut Vec<u8>, table: &str, key: &Value, row: Option<&Value>) -> io::Result<()> {
    serde_json::to_writer(&mut *text, &json!({ "table": table, "key": key, "row": row }))?;
    text.push(b'\n');
    Ok(())
}

/// Line by line into the tables. Only the last line may be broken: the process was killed while it wrote it.
fn replay<S: Tables>(state: &mut S, text: &str) -> io::Result<()> {
    let mut tables = state.tables();
    for (_, rows) in &mut tables {
        rows.empty();
    }
    let whole = text.rfind('\n').map_or("", |end| text.get(..end).unwrap_or_default());
    for line in whole.lines() {
        let mut line: Value = serde_json::from_str(line)?;
        let key = line.get_mut("key").map(Value::take).unwrap_or_default();
        let row = line.get_mut("row").map(Value::take).unwrap_or_default();
        let named = line.get("table").and_then(Value::as_str).unwrap_or_default();
        let Some((_, rows)) = tables.iter_mut().find(|(name, _)| *name == named) else {
            continue;
        };
        if row.is_null() {
            rows.drop_row(key)?;
        } else {
            rows.put(key, row)?;
        }
    }
    Ok(())
}

/// Writes the rows alone to a file beside `path`, puts it in its place and leaves it open for appending.
fn rewrite<S: Tables>(path: &Path, state: &mut S) -> io::Result<File> {
    let mut text = Vec::new();
    for (name, rows) in state.tables() {
        rows.take_changes()?;
        for (key, row) in rows.all()? {
            write_line(&mut text, name, &key, Some(&row))?;
        }
    }
    let beside = path.with_extension("rewriting");
    std::fs::write(&beside, &text)?;
    std::fs::rename(&beside, path)?;
    OpenOptions::new().append(true).open(path)
}
