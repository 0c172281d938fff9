//! Seeds that failed once, each with what it was. What it found is mended; they stay so that it does not come back.

use crate::{Database, MEMBERS_MAX, Run};

/// Seeds that failed once.
pub const KNOWN: &[(Run, &str)] = &[];

const fn known(seed: u64, database: Database, steps: usize) -> Run {
    Run { seed, database, steps, members_max: MEMBERS_MAX }
}
