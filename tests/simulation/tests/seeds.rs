//! A few seeds of every kind, as quick tests. `cargo run -p simulation` runs as many as there is time for.

use simulation::{Database, run};

const STEPS: usize = 20;

#[test]
fn seeds_on_sqlite() {
    for seed in [1, 2] {
        run(seed, Database::Sqlite, STEPS);
    }
}

#[test]
fn seeds_on_postgres() {
    run(3, Database::Postgres, STEPS);
}
