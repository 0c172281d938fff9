//! `dezky backup` and `dezky restore`: the whole log, from either database into either, its chain proved.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use event_store::{Db, DbUrl, EventStore, Purpose, migrate_views};
use projector::Views;

use crate::config::Config;
use crate::parts::{must_be_there, urls};
use crate::{clock, print};

/// Writes a consistent copy of the log to a new file.
pub(crate) async fn write(config: &Config, file: &Path) -> anyhow::Result<()> {
    if file.exists() {
        bail!("{} exists; a backup never overwrites a file", file.display());
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        bail!("there is no folder {}", folder.display());
    }
    let (log_url, _) = urls(config)?;
    must_be_there(&log_url, "DEZKY_LOG_URL")?;
    // Under another name until it is whole and proved: a broken copy must not look like a backup.
    let unfinished = file.with_extension("unfinished");
    if unfinished.exists() {
        std::fs::remove_file(&unfinished).with_context(|| format!("remove {}", unfinished.display()))?;
    }
    // It holds what people told us: nobody else reads it.
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&unfinished)
        .with_context(|| format!("create {}", unfinished.display()))?;
    let target = DbUrl::sqlite(&unfinished);
    EventStore::migrate(&target, clock::now()).await.with_context(|| format!("create {}", file.display()))?;
    let copied = event_store::copy::copy(&log_url, &target).await.context("copy the log (DEZKY_LOG_URL)");
    if copied.is_err() {
        // The error says why there is none; a file that cannot be removed says nothing more.
        let _ = std::fs::remove_file(&unfinished);
    }
    let position = copied?;
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
    let (log_url, views_url) = urls(config)?;
    if !log_url.is_postgres() || !views_url.is_postgres() {
        crate::config::make_data_folder(&config.data)?;
    }
    EventStore::migrate(&log_url, clock::now()).await.context("make the log's tables (DEZKY_LOG_URL)")?;
    // Before anything is copied: read models of another log must not be taken for those of this one.
    must_be_empty(&views_url).await?;
    let position =
        event_store::copy::copy(&DbUrl::sqlite(file), &log_url).await.context("restore the log")?;
    print(&format!(
        "restored up to position {position}; the chain is unbroken. Read models are filled at the next start\n"
    ))
}

/// Read models that stand anywhere stand in another log than the one about to be restored.
async fn must_be_empty(url: &DbUrl) -> anyhow::Result<()> {
    let db = Db::open(url, Purpose::Views).await.context("open the read models (DEZKY_VIEWS_URL)")?;
    migrate_views(&db, clock::now()).await.context("make the tables of the read models (DEZKY_VIEWS_URL)")?;
    let views = Views::with(db).await.context("open the read models (DEZKY_VIEWS_URL)")?;
    let models = views.positions().await.context("read how far the read models are")?;
    match models.iter().find(|model| model.position > 0) {
        Some(model) => bail!(
            "the read models (DEZKY_VIEWS_URL) are not empty: {} stands at position {} of another log. Restore into \
             empty databases",
            model.name,
            model.position
        ),
        None => Ok(()),
    }
}
