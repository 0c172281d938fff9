//! Definitions are frozen by their version: whoever changes a table raises it, or every installation keeps the old one.

use std::collections::{BTreeMap, BTreeSet};

use crate::READ_MODELS;
use crate::model::{Column, ReadModel};

/// Name, version, and the shape that version has. A change of shape changes the number: raise the version with it.
const SHAPES: &[(&str, u32, u64)] = &[
    ("tenants", 2, 0x6952_3d19_521c_abd9),
    ("partners", 1, 0x1bf3_b0ee_5a34_4659),
    ("users", 2, 0x7950_6df8_7ff0_992c),
    ("facts", 2, 0x2b21_591f_676b_d1d7),
    ("provisioning", 2, 0x6d0a_6f92_c3d9_dee0),
    ("activity", 1, 0xd514_dd59_e0c3_fc63),
    ("timers", 1, 0x307f_29d7_459f_4281),
];

/// FNV-1a over everything that stands in the database.
fn shape(model: &ReadModel) -> u64 {
    let mut text = String::new();
    for table in model.tables {
        text.push_str(table.name);
        for column in table.columns {
            text.push_str(match column {
                Column::Text(_) => " text ",
                Column::Int(_) => " int ",
            });
            text.push_str(column.name());
        }
        text.push_str(&table.key.join("+"));
        for index in table.indexes {
            text.push_str(&index.join("/"));
        }
    }
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[test]
fn columns_change_only_with_the_version() {
    let found: Vec<(&str, u32, u64)> =
        READ_MODELS.iter().map(|model| (model.name, model.version, shape(model))).collect();
    assert_eq!(
        found, SHAPES,
        "a table changed: raise the version of its read model, then write its shape here"
    );
}

#[test]
fn no_two_read_models_share_a_table() {
    let mut owners = BTreeMap::new();
    for model in READ_MODELS {
        for table in model.tables {
            let before = owners.insert(table.name, model.name);
            assert_eq!(before, None, "{} is a table of {} too", table.name, model.name);
        }
    }
}

#[test]
fn keys_come_first_and_indexes_name_columns() {
    for table in READ_MODELS.iter().flat_map(|model| model.tables) {
        let columns: Vec<&str> = table.columns.iter().map(|column| column.name()).collect();
        assert!(columns.starts_with(table.key), "{}", table.name);
        let distinct: BTreeSet<&str> = columns.iter().copied().collect();
        assert_eq!(distinct.len(), columns.len(), "{}", table.name);
        let indexed = table.indexes.iter().copied().flatten();
        assert!(indexed.clone().all(|column| distinct.contains(column)), "{}", table.name);
    }
}
