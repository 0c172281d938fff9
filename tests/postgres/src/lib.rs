//! A fresh Postgres database for each test that needs one.
//!
//! The server is the one `DEZKY_TEST_POSTGRES_URL` names, or a throw-away cluster started once from installed binaries as
//! an unprivileged user, shared by all test processes and stopped when the last of them is gone. With neither, a test
//! says so and is skipped; with `CI` set that is a failure.

mod cluster;
mod tool;

use std::sync::atomic::{AtomicU32, Ordering};

use crate::cluster::Disk;

/// The door to test databases.
pub struct TestPostgres;

static COUNT: AtomicU32 = AtomicU32::new(0);

impl TestPostgres {
    /// The address of a database nobody else uses. Nothing when there is no Postgres here, which is said loudly.
    ///
    /// # Panics
    /// With `CI` set when there is no Postgres, and when one that is there cannot be used.
    pub async fn database() -> Option<String> {
        Self::on(Disk::Careless).await
    }

    /// The same on a server whose commits reach the disk, for measurements.
    ///
    /// # Panics
    /// As [`TestPostgres::database`].
    pub async fn durable_database() -> Option<String> {
        Self::on(Disk::Durable).await
    }

    async fn on(disk: Disk) -> Option<String> {
        // Starting a cluster waits for processes; that must not hold up the test's own runtime.
        tokio::task::spawn_blocking(move || make(disk))
            .await
            .unwrap_or_else(|error| panic!("make a test database: {error}"))
    }
}

#[expect(clippy::disallowed_methods, reason = "where Postgres is, is told to tests by the environment")]
fn make(disk: Disk) -> Option<String> {
    let server = match std::env::var("DEZKY_TEST_POSTGRES_URL") {
        Ok(url) => Some(url),
        Err(_) => cluster::url(disk),
    };
    let Some(server) = server else {
        assert!(
            std::env::var("CI").is_err(),
            "no Postgres here: install its server or set DEZKY_TEST_POSTGRES_URL"
        );
        say("SKIPPED on Postgres: install its server binaries or set DEZKY_TEST_POSTGRES_URL");
        return None;
    };
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("dezky_test_{}_{}_{number}", std::process::id(), tool::nanos());
    tool::create_database(&server, &name);
    Some(with_database(&server, &name))
}

/// The same server, another database: the last segment of the path, before any `?`.
fn with_database(server: &str, name: &str) -> String {
    let (address, options) =
        server.split_once('?').map_or((server, None), |(address, options)| (address, Some(options)));
    let scheme = address.find("://").map_or(0, |at| at + 3);
    let base = address[scheme..].find('/').map_or(address, |at| &address[..scheme + at]);
    let options = options.map(|options| format!("?{options}")).unwrap_or_default();
    format!("{base}/{name}{options}")
}

#[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
fn say(text: &str) {
    eprintln!("{text}");
}
