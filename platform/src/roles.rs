//! Roles as processes of their own, and how the parts of one process live and end together.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, bail};
use command_api::Listening;
use reconciler::Reconciler;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::parts::{Parts, Tables, api, lend, reconciling, urls};
use crate::{boot, jobs};

/// What is in hand gets this long to finish: less than the ten seconds after which supervisors kill.
const FAREWELL: Duration = Duration::from_secs(8);
const PORT: u16 = 3001;

/// Tasks that live and end together: the first one to end takes the others with it.
pub(crate) struct Together {
    tasks: JoinSet<anyhow::Result<()>>,
    stop: CancellationToken,
}

impl Together {
    pub(crate) fn new(stop: &CancellationToken) -> Self {
        Self { tasks: JoinSet::new(), stop: stop.child_token() }
    }

    pub(crate) fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    pub(crate) fn add<E>(
        &mut self,
        what: &'static str,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) where
        Result<(), E>: anyhow::Context<(), E>,
        E: 'static,
    {
        self.tasks.spawn(async move { task.await.context(what) });
    }

    /// Until told to stop, or until one of them ends.
    pub(crate) async fn wait(mut self) -> anyhow::Result<()> {
        let first = tokio::select! {
            () = self.stop.cancelled() => Ok(()),
            Some(ended) = self.tasks.join_next() => ended.context("run a task").and_then(|ended| ended),
        };
        self.stop.cancel();
        let rest = async {
            let mut worst = Ok(());
            while let Some(ended) = self.tasks.join_next().await {
                worst = worst.and(ended.context("end a task").and_then(|ended| ended));
            }
            worst
        };
        let Ok(rest) = tokio::time::timeout(FAREWELL, rest).await else {
            tracing::warn!("stopped with work in hand; it is picked up at the next start");
            return first;
        };
        first.and(rest)
    }
}

/// Where the API listens when nobody says: this machine only with development parts, everywhere without.
pub(crate) fn listen(config: &Config, development: bool) -> SocketAddr {
    let host = if development { Ipv4Addr::LOCALHOST } else { Ipv4Addr::UNSPECIFIED };
    config.listen.unwrap_or_else(|| SocketAddr::from((host, PORT)))
}

/// Listens, so that a taken address is known before anything is promised.
pub(crate) async fn take_addresses(config: &Config, api: SocketAddr) -> anyhow::Result<Listening> {
    Listening::on(api, config.metrics_listen).await.context(
        "take the addresses of the API; is another process there? DEZKY_LISTEN and DEZKY_METRICS_LISTEN choose others",
    )
}

/// Roles share one database. An embedded one belongs to one process, which `dezky up` is.
fn needs_postgres(config: &Config) -> anyhow::Result<()> {
    let (log, views) = urls(config)?;
    if log.is_postgres() && views.is_postgres() {
        return Ok(());
    }
    let setting = if log.is_postgres() { "DEZKY_VIEWS_URL" } else { "DEZKY_LOG_URL" };
    bail!(
        "roles as processes of their own share a Postgres, and {setting} names none. Set it to postgres://…, or run \
         `dezky up`, which is every role in one process on embedded databases"
    )
}

/// `dezky command-api`.
pub(crate) async fn command_api(config: Config, stop: CancellationToken) -> anyhow::Result<()> {
    if config.issuers.is_empty() {
        bail!(
            "AUTHENTIK_ISSUER is not set: the API would accept no token. Set it to your token issuers; for development \
             start `dezky simulate` and export the settings it prints"
        );
    }
    needs_postgres(&config)?;
    let parts = Parts::open(&config, Tables::Expect).await?;
    let listen = listen(&config, false);
    let listening = take_addresses(&config, listen).await?;
    let told = api(&config, listen, None)?;
    let reconciler = Reconciler::new(reconciling(&config, |_| false), parts.log.clone(), parts.views.clone())
        .context("prepare to plan for the outside systems")?;
    let mut together = Together::new(&stop);
    writer(&mut together, &parts);
    boot::seed(&parts.log).await.context("make what must exist before the first command")?;
    boot::default_plan(&parts.log, &config.default_plan).await?;
    let planner = lend(&reconciler, &parts.views);
    tracing::info!(%listen, "dezky-platform-api serves commands and queries");
    let served = command_api::serve(listening, told, parts.log, parts.views, planner, together.stop());
    together.add("serve the API", served);
    together.wait().await
}

/// `dezky projector`.
pub(crate) async fn projector(config: Config, stop: CancellationToken) -> anyhow::Result<()> {
    needs_postgres(&config)?;
    let parts = Parts::open(&config, Tables::Expect).await?;
    let mut together = Together::new(&stop);
    writer(&mut together, &parts);
    tracing::info!("dezky-platform-api keeps read models up to date");
    let following = projector::run(parts.views, parts.log, together.stop());
    together.add("keep read models up to date", following);
    together.wait().await
}

/// `dezky reconciler`.
pub(crate) async fn reconciler(config: Config, stop: CancellationToken) -> anyhow::Result<()> {
    for (setting, is_missing) in [
        (
            "AUTHENTIK_API_URL",
            config.authentik.is_none() && config.authentik_mode != crate::config::Mode::Disabled,
        ),
        (
            "STALWART_API_URL",
            config.stalwart.is_none() && config.stalwart_mode != crate::config::Mode::Disabled,
        ),
        ("OCIS_API_URL", config.ocis.is_none() && config.ocis_mode != crate::config::Mode::Disabled),
    ] {
        if is_missing {
            bail!(
                "{setting} is not set. Set it, or the system's …_MODE to disabled; for development start `dezky simulate` and \
                 export the settings it prints"
            );
        }
    }
    needs_postgres(&config)?;
    let parts = Parts::open(&config, Tables::Expect).await?;
    let mut together = Together::new(&stop);
    writer(&mut together, &parts);
    tracing::info!("dezky-platform-api reconciles the outside systems");
    reconcile(&mut together, &config, &parts, |_| false).await?;
    together.wait().await
}

/// Every process that records anything runs the log's writer, and every one its tail.
pub(crate) fn writer(together: &mut Together, parts: &Parts) {
    let (log, stop) = (parts.log.clone(), together.stop());
    together.add("write the log", async move { log.run(stop).await });
}

/// The reconciler and what runs by the clock.
pub(crate) async fn reconcile(
    together: &mut Together,
    config: &Config,
    parts: &Parts,
    is_simulated: impl Fn(&str) -> bool,
) -> anyhow::Result<Reconciler> {
    let reconciler =
        Reconciler::new(reconciling(config, is_simulated), parts.log.clone(), parts.views.clone())
            .context("prepare the calls to the outside systems")?;
    reconciler.note_modes().await.context("note how the outside systems may be acted in")?;
    let mut scheduler = jobs::start(reconciler.clone(), parts, config.sweep).await?;
    let (running, stop) = (reconciler.clone(), together.stop());
    together.add("reconcile the outside systems", async move { running.run(stop).await });
    let stop = together.stop();
    together.add("run what is scheduled", async move {
        stop.cancelled().await;
        scheduler.shutdown().await
    });
    Ok(reconciler)
}
