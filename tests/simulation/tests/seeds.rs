//! A few seeds of every kind, as quick tests. `cargo run -p simulation` runs as many as there is time for, and with
//! `--known` those that failed once.

use simulation::{Database, Run, run};

const STEPS: usize = 20;

fn quick(seed: u64, database: Database) -> Run {
    Run { seed, database, steps: STEPS, members_max: 70 }
}

#[test]
fn seeds_on_sqlite() {
    for seed in [1, 2] {
        run(quick(seed, Database::Sqlite));
    }
}

#[test]
fn seeds_on_postgres() {
    run(quick(3, Database::Postgres));
}
