//! The comparison: one-row INSERT transactions of the same row, nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use tokio::time::Instant;
use tokio_postgres::NoTls;

/// As many connections as clients, but no more than this: beyond, Postgres itself gets slower.
const CONNECTIONS_MAX: usize = 64;
/// About the bytes of an event of ours.
pub(crate) const PAYLOAD: &str = r#"{"createdBy":"usr_01jd8pzz0a2c4e6g8j0m2p4r6t","locale":"da-DK","origin":"operator","planId":"pln_01jd8n3s5v7x9z1b3d5f7h9k1m","slug":"tenant-000000","timezone":"Europe/Copenhagen"}"#;

/// Latencies of inserts by a number of clients for a time.
pub(crate) async fn inserts(url: &str, clients: usize, each: Duration) -> anyhow::Result<Vec<Duration>> {
    let (setup, connection) = tokio_postgres::connect(url, NoTls).await.context("connect")?;
    let driver = tokio::spawn(connection);
    setup
        .batch_execute("drop table if exists plain; create table plain (id bigint primary key, stream text, data text, at text)")
        .await
        .context("make the table")?;
    let next = Arc::new(AtomicU64::new(1));
    let mut workers = Vec::new();
    for _ in 0..clients.min(CONNECTIONS_MAX) {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.context("connect")?;
        let next = next.clone();
        workers.push(tokio::spawn(async move {
            let driver = tokio::spawn(connection);
            let insert =
                client.prepare("insert into plain (id, stream, data, at) values ($1, $2, $3, $4)").await?;
            let until = Instant::now() + each;
            let mut took = Vec::new();
            while Instant::now() < until {
                let id = i64::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap_or(i64::MAX);
                let started = Instant::now();
                client
                    .execute(
                        &insert,
                        &[&id, &format!("tenant-{id}"), &PAYLOAD, &"2026-11-22T16:30:00.000000Z"],
                    )
                    .await?;
                took.push(started.elapsed());
            }
            drop(client);
            drop(driver.await);
            Ok::<_, tokio_postgres::Error>(took)
        }));
    }
    let mut all = Vec::new();
    for worker in workers {
        all.extend(worker.await.context("a client ended badly")?.context("insert")?);
    }
    drop(setup);
    drop(driver.await);
    all.sort_unstable();
    Ok(all)
}
