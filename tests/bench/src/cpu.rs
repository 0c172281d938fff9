//! Processor time of this process and of the Postgres server beside it, from `/proc`.

use std::time::Duration;

use tokio_postgres::NoTls;

/// What the kernel counts in.
const TICK: Duration = Duration::from_millis(10);

/// Whose time is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meter {
    server: Option<u32>,
}

/// Time spent so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) here: Duration,
    pub(crate) server: Duration,
}

/// One line of `/proc/<pid>/stat`, in ticks.
struct Process {
    parent: u32,
    own: u32,
    ended_children: u32,
}

impl Meter {
    /// A server on another machine is not seen: its time stays zero.
    pub(crate) async fn of(url: &str) -> anyhow::Result<Self> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        let driver = tokio::spawn(connection);
        let backend: i32 = client.query_one("select pg_backend_pid()", &[]).await?.get(0);
        let server = process(&backend.to_string()).map(|found| found.parent);
        drop(client);
        driver.await??;
        Ok(Self { server })
    }

    pub(crate) fn read(self) -> Spent {
        let here = process("self").map_or(0, |found| found.own);
        let server = self.server.map_or(0, |postmaster| {
            let ended = process(&postmaster.to_string()).map_or(0, |found| found.own + found.ended_children);
            let running = std::fs::read_dir("/proc").into_iter().flatten().flatten();
            let running = running.filter_map(|entry| process(&entry.file_name().to_string_lossy()));
            ended + running.filter(|found| found.parent == postmaster).map(|found| found.own).sum::<u32>()
        });
        Spent { here: TICK * here, server: TICK * server }
    }
}

impl Spent {
    /// Microseconds of both for each of so many commands since an earlier reading.
    pub(crate) fn each(self, before: Self, commands: usize) -> (f64, f64) {
        #[expect(clippy::cast_precision_loss, reason = "a figure is shown with a few digits")]
        let each = |now: Duration, then: Duration| {
            now.saturating_sub(then).as_secs_f64() * 1e6 / commands.max(1) as f64
        };
        (each(self.here, before.here), each(self.server, before.server))
    }
}

fn process(name: &str) -> Option<Process> {
    let stat = std::fs::read_to_string(format!("/proc/{name}/stat")).ok()?;
    // The second field is a name in brackets and may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let number = |index: usize| fields.get(index)?.parse::<u32>().ok();
    Some(Process {
        parent: number(1)?,
        own: number(11)? + number(12)?,
        ended_children: number(13)? + number(14)?,
    })
}
