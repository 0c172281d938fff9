//! Seeds that failed once, each with what it was. What it found is mended; they stay so that it does not come back. A seed
//! means what it meant only until what a run does changes; the tests named with it last longer.

use crate::{Database, Run};

/// Seeds that failed once, and what it was.
pub const KNOWN: &[(Run, &str)] = &[
    (
        known(6, Database::Sqlite),
        "our own id in OCIS was kept after another installation had taken its place: no space was ours to grant",
    ),
    (known(105, Database::Postgres), "the same, in two processes"),
];

const fn known(seed: u64, database: Database) -> Run {
    Run { seed, database, steps: 20, members_max: 70 }
}
