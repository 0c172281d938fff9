//! The objects of one type and an index of what can be asked about them, so that no question walks all objects.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::id::Id;
use super::index;
use super::kind::Kind;
use crate::journal::{Rows, Table};

pub(crate) type Object = Map<String, Value>;

pub(crate) struct Shelf {
    kind: Kind,
    rows: Table<Id, Object>,
    /// From `property=value` to the objects that have it.
    index: BTreeMap<String, BTreeSet<Id>>,
}

impl Shelf {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind, rows: Table::default(), index: BTreeMap::new() }
    }

    pub(crate) fn get(&self, id: Id) -> Option<&Object> {
        self.rows.get(&id)
    }

    pub(crate) fn contains(&self, id: Id) -> bool {
        self.rows.contains(&id)
    }

    /// In ascending order.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (Id, &Object)> {
        self.rows.iter().map(|(id, object)| (*id, object))
    }

    /// The objects that `key` leads to, in ascending order.
    pub(crate) fn having(&self, key: &str) -> impl DoubleEndedIterator<Item = Id> + use<'_> {
        self.index.get(key).into_iter().flatten().copied()
    }

    pub(crate) fn put(&mut self, id: Id, object: Object) {
        self.forget(id);
        for key in index::keys(self.kind, &object) {
            self.index.entry(key).or_default().insert(id);
        }
        self.rows.insert(id, object);
    }

    pub(crate) fn remove(&mut self, id: Id) -> Option<Object> {
        self.forget(id);
        self.rows.remove(&id)
    }

    fn forget(&mut self, id: Id) {
        let Some(object) = self.rows.get(&id) else { return };
        for key in index::keys(self.kind, object) {
            if let Some(ids) = self.index.get_mut(&key) {
                ids.remove(&id);
                if ids.is_empty() {
                    self.index.remove(&key);
                }
            }
        }
    }
}

impl Rows for Shelf {
    fn take_changes(&mut self) -> serde_json::Result<Vec<(Value, Option<Value>)>> {
        self.rows.take_changes()
    }

    fn all(&self) -> serde_json::Result<Vec<(Value, Value)>> {
        self.rows.all()
    }

    fn put(&mut self, key: Value, row: Value) -> serde_json::Result<()> {
        self.put(serde_json::from_value(key)?, serde_json::from_value(row)?);
        Ok(())
    }

    fn drop_row(&mut self, key: Value) -> serde_json::Result<()> {
        self.remove(serde_json::from_value(key)?);
        Ok(())
    }

    fn empty(&mut self) {
        self.index.clear();
        self.rows.empty();
    }
}
