//! One process at a time: a folder's embedded databases, and its development parts, have one owner each.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use anyhow::{Context as _, bail};

/// What only one process may do in a data folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alone {
    /// Write the embedded databases.
    Databases,
    /// Run the development issuer and the simulators.
    Development,
}

impl Alone {
    const fn file(self) -> &'static str {
        match self {
            Self::Databases => "databases.lock",
            Self::Development => "development.lock",
        }
    }

    const fn others(self) -> &'static str {
        match self {
            Self::Databases => "another `dezky` runs on the databases",
            Self::Development => "the development parts of another `dezky` run",
        }
    }
}

/// Held until it is dropped, or the process ends in whatever way.
#[derive(Debug)]
pub(crate) struct Held {
    _file: File,
}

/// Takes a data folder for one purpose, or says who has it.
pub(crate) fn hold(data: &Path, alone: Alone) -> anyhow::Result<Held> {
    crate::config::make_data_folder(data)?;
    let path = data.join(alone.file());
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(|| format!("open {} (DEZKY_DATA)", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Held { _file: file }),
        Err(TryLockError::WouldBlock) => bail!(
            "{} in {}: stop it first, or set DEZKY_DATA to a folder of its own",
            alone.others(),
            data.display()
        ),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("lock {} (DEZKY_DATA)", path.display()))
        }
    }
}
