//! Commands through the log itself: loaded, decided and appended, with a claim and a stored reply on every command.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use domain::partner::Partner;
use domain::{Asked, One};
use event_store::{Config, DbUrl, EventStore, Key, Request};
use schema::{Actor, ActorKind, Bps, PartnerCommand, PartnerId, Timestamp};
use test_postgres::TestPostgres;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::cpu::Meter;
use crate::{plain, quantile, rate, say};

/// Commands and plain inserts, side by side, for several concurrencies.
pub(crate) async fn measure(each: Duration, in_flight: &[usize]) -> anyhow::Result<()> {
    let url = TestPostgres::durable_database().await.context("Postgres is needed for this")?;
    let folder = tempfile::tempdir().context("make a folder")?;
    let sqlite = format!("sqlite:{}", folder.path().join("log.sqlite3").display());
    say(
        "\nexecute: commands a second (loaded, decided, appended: two events, a claim, a stored reply) beside plain one-row inserts on the same Postgres",
    );
    say(
        "in flight | plain | µs of processor, client + server | Postgres | ratio | p50 / p99 µs | µs of processor, here + server | SQLite | p50 / p99 µs",
    );
    let meter = Meter::of(&url).await.context("find the server's processes")?;
    let postgres = Log::open(&url).await?;
    let embedded = Log::open(&sqlite).await?;
    for &in_flight in in_flight {
        let start = meter.read();
        let inserts = plain::inserts(&url, in_flight, each).await?;
        let before = meter.read();
        let there = postgres.commands(in_flight, each).await?;
        let (ours, theirs) = meter.read().each(before, there.len());
        let (client, server) = before.each(start, inserts.len());
        let here = embedded.commands(in_flight, each).await?;
        let (plain, appended) = (rate(inserts.len(), each), rate(there.len(), each));
        say(&format!(
            "{in_flight:>9} | {plain:.0} | {client:.0} + {server:.0} | {appended:.0} | {:.2} | {} | {ours:.0} + {theirs:.0} | {:.0} | {}",
            appended / plain,
            latencies(&there),
            rate(here.len(), each),
            latencies(&here)
        ));
    }
    postgres.close().await;
    embedded.close().await;
    Ok(())
}

fn latencies(ordered: &[Duration]) -> String {
    format!("{} / {}", quantile(ordered, 0.5).as_micros(), quantile(ordered, 0.99).as_micros())
}

/// A log with its writer running.
pub(crate) struct Log {
    pub(crate) store: EventStore,
    stop: CancellationToken,
    writer: tokio::task::JoinHandle<()>,
}

static NEXT: AtomicU64 = AtomicU64::new(1);

impl Log {
    pub(crate) async fn open(url: &str) -> anyhow::Result<Self> {
        let url: DbUrl = url.parse().context("read the address")?;
        EventStore::migrate(&url, now()).await.context("make the tables")?;
        let store = EventStore::open(Config { url, clock: now }).await.context("open the log")?;
        let stop = CancellationToken::new();
        let (running, stopped) = (store.clone(), stop.clone());
        let writer = tokio::spawn(async move { drop(running.run(stopped).await) });
        Ok(Self { store, stop, writer })
    }

    pub(crate) async fn close(self) {
        self.stop.cancel();
        drop(self.writer.await);
    }

    async fn commands(&self, clients: usize, each: Duration) -> anyhow::Result<Vec<Duration>> {
        let until = Instant::now() + each;
        let workers: Vec<_> = (0..clients)
            .map(|_| {
                let store = self.store.clone();
                tokio::spawn(async move {
                    let mut took = Vec::new();
                    while Instant::now() < until {
                        let started = Instant::now();
                        register(&store).await?;
                        took.push(started.elapsed());
                    }
                    anyhow::Ok(took)
                })
            })
            .collect();
        let mut all = Vec::new();
        for worker in workers {
            all.extend(worker.await.context("a client ended badly")??);
        }
        all.sort_unstable();
        Ok(all)
    }
}

/// One new partner: two events, a claim, a stored reply.
pub(crate) async fn register(store: &EventStore) -> anyhow::Result<()> {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let command = PartnerCommand::Register {
        slug: format!("partner-{number}").parse().context("a slug")?,
        name: format!("Partner {number}").parse().context("a name")?,
        domain: None,
        margin: Bps::new(1250).context("a margin")?,
        contact_info: None,
        billing_info: None,
    };
    let act = One::<Partner> { stream: PartnerId::from_uuid(Uuid::now_v7()).into(), command };
    let command_id = Uuid::now_v7();
    let render = Arc::new(|outcome: &event_store::Outcome| format!("{{\"position\":{}}}", outcome.position));
    let asked = Asked { actor: Actor::service(ActorKind::System), now: now(), command_id };
    let mut request = Request::new(asked);
    request.key = Some(Key { id: command_id.to_string(), fingerprint: String::new(), render });
    store.execute(Arc::new(act), request).await.context("register a partner")?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
pub(crate) fn now() -> Timestamp {
    Timestamp::new(jiff::Timestamp::now())
}
