//! `dezky backup` and `dezky restore`: the whole log, from either database into either, its chain proved.

use std::path::Path;

use anyhow::{Context as _, bail};
use event_store::{DbUrl, EventStore};

use crate::config::Config;
use crate::parts::urls;
use crate::{clock, print};

/// Writes a consistent copy of the log to a new file.
pub(crate) async fn write(config: &Config, file: &Path) -> anyhow::Result<()> {
    if file.exists() {
        bail!("{} exists; a backup never overwrites a file", file.display());
    }
    let (log_url, _) = urls(config)?;
    // Under another name until it is whole and proved: a broken copy must not look like a backup.
    let unfinished = file.with_extension("unfinished");
    if unfinished.exists() {
        std::fs::remove_file(&unfinished).with_context(|| format!("remove {}", unfinished.display()))?;
    }
    let target = DbUrl::sqlite(&unfinished);
    EventStore::migrate(&target, clock::now()).await.with_context(|| format!("create {}", file.display()))?;
    let position =
        event_store::copy::copy(&log_url, &target).await.context("copy the log (DEZKY_LOG_URL)")?;
    std::fs::rename(&unfinished, file).with_context(|| format!("name {}", file.display()))?;
    for beside in ["unfinished-wal", "unfinished-shm"] {
        // Empty by now, and gone by themselves when the database was closed first.
        let _ = std::fs::remove_file(file.with_extension(beside));
    }
    print(&format!("{} holds the log up to position {position}; its chain is unbroken\n", file.display()))
}

/// Fills an empty log from a backup.
pub(crate) async fn read(config: &Config, file: &Path) -> anyhow::Result<()> {
    if !file.is_file() {
        bail!("there is no backup {}", file.display());
    }
    let (log_url, _) = urls(config)?;
    if !log_url.is_postgres() {
        crate::config::make_data_folder(&config.data)?;
    }
    EventStore::migrate(&log_url, clock::now()).await.context("make the log's tables (DEZKY_LOG_URL)")?;
    let position =
        event_store::copy::copy(&DbUrl::sqlite(file), &log_url).await.context("restore the log")?;
    print(&format!(
        "restored up to position {position}; the chain is unbroken. Read models are filled at the next start\n"
    ))
}
