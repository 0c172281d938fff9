//! The writer's transaction alone, as the writer sends it: batches of commands that are decided already, one connection,
//! one batch after the other. What is left of `execute` when loading, deciding, hashing and waking callers are taken away.

use std::time::Duration;

use anyhow::Context as _;
use event_store::{Batch, Db, EventStore, Expect, Purpose, Value};
use test_postgres::TestPostgres;
use tokio::time::Instant;
use uuid::Uuid;

use crate::cpu::Meter;
use crate::execute::now;
use crate::plain::{self, PAYLOAD};
use crate::{quantile, rate, say};

const HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Batches of several sizes, and plain inserts by as many clients as a batch has commands.
pub(crate) async fn measure(each: Duration, in_flight: &[usize]) -> anyhow::Result<()> {
    let url = TestPostgres::durable_database().await.context("Postgres is needed for this")?;
    say(
        "\nappend: decided commands a second (one event, a claim, a stored reply) in batches on one connection beside plain one-row inserts",
    );
    say(
        "in a batch | plain | µs of processor, client + server | Postgres | ratio | p50 / p99 µs of a batch | µs of processor, here + server",
    );
    let meter = Meter::of(&url).await.context("find the server's processes")?;
    let address = url.parse().context("read the address")?;
    EventStore::migrate(&address, now()).await.context("make the tables")?;
    let db = Db::open(&address, Purpose::Log).await.context("open the database")?;
    let mut head = 0;
    for &commands in in_flight {
        let start = meter.read();
        let inserts = plain::inserts(&url, commands, each).await?;
        let before = meter.read();
        let (client, server) = before.each(start, inserts.len());
        let until = Instant::now() + each;
        let mut took = Vec::new();
        while Instant::now() < until {
            let started = Instant::now();
            db.write(batch(head, commands)).await.context("write a batch")?;
            head += commands as u64;
            took.push(started.elapsed());
        }
        took.sort_unstable();
        let written = took.len() * commands;
        let (ours, theirs) = meter.read().each(before, written);
        let (plain, appended) = (rate(inserts.len(), each), rate(written, each));
        say(&format!(
            "{commands:>10} | {plain:.0} | {client:.0} + {server:.0} | {appended:.0} | {:.2} | {} / {} | {ours:.0} + {theirs:.0}",
            appended / plain,
            quantile(&took, 0.5).as_micros(),
            quantile(&took, 0.99).as_micros()
        ));
    }
    Ok(())
}

/// The steps of the writer, in its order.
fn batch(head: u64, commands: usize) -> Batch {
    let at = now().to_string();
    let new = head + commands as u64;
    let mut batch = Batch::new();
    batch.run(
        "update log_head set position = $1, chain = $2 where id = 1 and position = $3",
        vec![new.into(), HASH.into(), head.into()],
        Expect::Rows(1),
    );
    let (mut events, mut streams, mut claims, mut keys) = (vec![], vec![], vec![], vec![]);
    for position in head + 1..=new {
        let (stream, id) = (format!("partner-{}", Uuid::now_v7()), Uuid::now_v7().to_string());
        events.push(vec![
            position.into(),
            stream.as_str().into(),
            1.into(),
            "partner.registered".into(),
            PAYLOAD.into(),
            r#"{"actor":{"kind":"system"},"correlationId":"0198c5e2-7b1a-7c3d-9e4f-5a6b7c8d9e0f"}"#.into(),
            "system".into(),
            id.as_str().into(),
            at.as_str().into(),
            Value::Null,
            "".into(),
        ]);
        streams.push(vec![stream.as_str().into(), 1.into()]);
        claims.push(vec!["partner-slug".into(), format!("partner-{position}").into(), stream.into()]);
        let reply = format!("{{\"position\":{position}}}");
        keys.push(vec![id.into(), HASH.into(), position.into(), 1.into(), reply.into(), at.as_str().into()]);
    }
    batch.insert_many("events", EVENTS, events);
    let newest = "on conflict (id) do update set version = excluded.version";
    batch.insert_many_or("streams", &["id", "version"], streams, newest);
    batch.insert_many("claims", &["scope", "value", "stream"], claims);
    batch.insert_many("commands", COMMANDS, keys);
    let commit = vec![(head + 1).into(), (commands as u64).into(), HASH.into(), at.into()];
    batch.insert_many("commits", &["first_position", "event_count", "chain", "recorded_at"], vec![commit]);
    batch.in_one_flush()
}

const EVENTS: &[&str] = &[
    "position",
    "stream",
    "version",
    "kind",
    "data",
    "meta",
    "actor",
    "command_id",
    "recorded_at",
    "personal",
    "personal_digest",
];
const COMMANDS: &[&str] = &["id", "fingerprint", "position", "event_count", "reply", "recorded_at"];
