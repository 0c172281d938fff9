//! The database goes away under a running platform and comes back: it says so, and otherwise keeps quiet.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::Url;
use test_postgres::TestPostgres;
use test_process::{Installation, Running, free_address};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use crate::{LOOK_EVERY, WITHIN, create, installation, outside, until};

/// Long enough for hundreds of tries, had nobody learnt to wait.
const AWAY: Duration = Duration::from_secs(10);
/// Who serves again is back within the longest pause between tries, and the time a machine under load needs.
const BACK_WITHIN: Duration = Duration::from_secs(15);
/// Each loop says once that it is away, and again when the reason is another one: a lost connection, then a refused one.
/// No role has more than three loops that notice without being asked.
const LINES_MAX: usize = 6;

/// A way to the database that can be shut: connections are lost, and new ones refused.
struct Gate {
    here: SocketAddr,
    server: String,
    open: Option<JoinHandle<()>>,
}

impl Gate {
    /// In front of a database, and the database's address behind it.
    async fn before(database: &str) -> (Self, String) {
        let mut url = Url::parse(database).unwrap();
        let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
        let here = free_address().unwrap();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(here.port())).unwrap();
        let mut gate = Self { here, server, open: None };
        gate.open().await;
        (gate, url.to_string())
    }

    async fn open(&mut self) {
        let (listener, server) = (TcpListener::bind(self.here).await.unwrap(), self.server.clone());
        self.open = Some(tokio::spawn(async move {
            // Dropped with the task that holds it, and every connection with it.
            let mut connections = JoinSet::new();
            while let Ok((mut inside, _)) = listener.accept().await {
                let server = server.clone();
                connections.spawn(async move {
                    if let Ok(mut outside) = TcpStream::connect(server).await {
                        drop(tokio::io::copy_bidirectional(&mut inside, &mut outside).await);
                    }
                });
            }
        }));
    }

    async fn shut(&mut self) {
        let open = self.open.take().unwrap();
        open.abort();
        drop(open.await);
    }
}

/// Readiness as a supervisor asks for it.
struct Readiness(reqwest::Client, String);

impl Readiness {
    fn of(installation: &Installation) -> Self {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
        Self(client, format!("http://{}/readyz", installation.address().unwrap()))
    }

    async fn is_ready(&self) -> bool {
        self.0.get(&self.1).send().await.is_ok_and(|answer| answer.status().is_success())
    }

    async fn becomes(&self, wanted: bool, within: Duration) {
        let started = Instant::now();
        while self.is_ready().await != wanted {
            assert!(started.elapsed() < within, "ready never became {wanted}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// It stays away for a while, whatever anybody tries.
    async fn is_away(&self) {
        let started = Instant::now();
        while started.elapsed() < AWAY {
            assert!(!self.is_ready().await, "ready without a database");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// Warnings and errors among what a process has printed since.
fn complaints(running: &Running, since: usize) -> Vec<String> {
    let printed = running.printed().unwrap();
    let lines = printed[since..].lines();
    lines.filter(|line| line.contains(" WARN ") || line.contains("ERROR ")).map(str::to_owned).collect()
}

/// The roles run on a database that goes away and comes back; nobody touches them meanwhile.
async fn away_and_back(roles: &[&str]) {
    let Some(database) = TestPostgres::database().await else { return };
    let mut installation = installation();
    let _outside = outside(&mut installation).await;
    let (mut gate, behind) = Gate::before(&database).await;
    installation.set("DEZKY_LOG_URL", behind);
    let (code, _, errors) = installation.run(&["migrate"]).await.unwrap();
    assert_eq!(code, 0, "{errors}");
    let mut running: Vec<Running> = roles.iter().map(|role| installation.start(&[role]).unwrap()).collect();
    installation.ready(&mut running[0]).await.unwrap();
    let operator = installation.client("operator", None).await.unwrap();
    assert_eq!(operator.get("/users/me").await.unwrap().status, 200);
    create(&operator, "before").await;
    until(&operator, "/tenants/before", "was listed", |tenant| tenant["slug"] == "before").await;

    let since: Vec<usize> = running.iter().map(|process| process.printed().unwrap().len()).collect();
    let readiness = Readiness::of(&installation);
    gate.shut().await;
    readiness.becomes(false, WITHIN).await;
    readiness.is_away().await;
    gate.open().await;
    readiness.becomes(true, BACK_WITHIN).await;
    create(&operator, "after").await;
    let back = until(&operator, "/tenants?q=after", "was followed", |list| {
        list["data"].as_array().is_some_and(|tenants| !tenants.is_empty())
    });
    assert!(back.await < BACK_WITHIN);
    for (process, since) in running.iter().zip(since) {
        let complaints = complaints(process, since);
        assert!((1..=LINES_MAX).contains(&complaints.len()), "{}", complaints.join("\n"));
    }
}

#[tokio::test]
async fn roles_whose_database_is_away_say_so_once_and_serve_again_by_themselves() {
    away_and_back(&["command-api", "projector", "reconciler"]).await;
}

#[tokio::test]
async fn a_platform_whose_database_is_away_says_so_once_and_serves_again_by_itself() {
    away_and_back(&["up"]).await;
}
