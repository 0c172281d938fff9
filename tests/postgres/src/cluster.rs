//! The throw-away cluster: started by the first test process that needs it, stopped after the last.

use std::fs::{File, OpenOptions, Permissions};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use crate::tool::{command, find, run};

const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// Whether commits reach the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disk {
    /// They do, as in production: for measurements.
    Durable,
    /// They do not: for tests, which lose the cluster anyway.
    Careless,
}

type Held = OnceLock<Option<(File, String)>>;

/// Held, shared, until this process ends: the watchdog stops a cluster when nobody holds it.
static DURABLE: Held = OnceLock::new();
static CARELESS: Held = OnceLock::new();

/// The address of the cluster, started if need be. Nothing when Postgres is not installed.
pub(crate) fn url(disk: Disk) -> Option<String> {
    let held = match disk {
        Disk::Durable => &DURABLE,
        Disk::Careless => &CARELESS,
    };
    held.get_or_init(|| join(disk)).as_ref().map(|(_, url)| url.clone())
}

fn join(disk: Disk) -> Option<(File, String)> {
    let programs = (find("initdb")?, find("pg_ctl")?);
    let user = if crate::tool::is_root() { "root" } else { "user" };
    let kind = match disk {
        Disk::Durable => "durable",
        Disk::Careless => "careless",
    };
    let folder = std::env::temp_dir().join(format!("dezky-test-postgres-{user}-{kind}"));
    std::fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("create {}: {error}", folder.display()));
    let lock = folder.join("lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&lock);
    let file = file.unwrap_or_else(|error| panic!("open {}: {error}", lock.display()));
    let port = loop {
        // Shared, so that test processes run beside each other; held, the watchdog may not stop the cluster.
        file.lock_shared().unwrap_or_else(|error| panic!("share {}: {error}", lock.display()));
        if let Some(port) = running(&folder) {
            break port;
        }
        // Starting it is for one process alone. Letting go first: two that hold it shared would wait for each other.
        file.unlock().unwrap_or_else(|error| panic!("let go of {}: {error}", lock.display()));
        file.lock().unwrap_or_else(|error| panic!("lock {}: {error}", lock.display()));
        if running(&folder).is_none() {
            start(&folder, &programs.0, &programs.1, disk);
        }
    };
    Some((file, format!("postgres://postgres@127.0.0.1:{port}/postgres")))
}

/// The port of a cluster that answers.
fn running(folder: &Path) -> Option<u16> {
    let port = std::fs::read_to_string(folder.join("port")).ok()?.trim().parse().ok()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, CONNECT_WITHIN).ok().map(|_| port)
}

fn start(folder: &Path, initdb: &Path, pg_ctl: &Path, disk: Disk) {
    let home = folder.join("cluster");
    if home.exists() {
        std::fs::remove_dir_all(&home).unwrap_or_else(|error| panic!("remove {}: {error}", home.display()));
    }
    std::fs::create_dir(&home).unwrap_or_else(|error| panic!("create {}: {error}", home.display()));
    std::fs::set_permissions(&home, Permissions::from_mode(0o777))
        .unwrap_or_else(|error| panic!("open up a folder: {error}"));
    let data = home.join("data");
    let mut make = command(initdb);
    make.current_dir(&home).arg("-D").arg(&data);
    make.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
    run(make);
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    let port = port.unwrap_or_else(|error| panic!("find a free port: {error}")).port();
    let sync = match disk {
        Disk::Durable => "-c shared_buffers=256MB -c max_wal_size=4GB",
        Disk::Careless => "-c shared_buffers=64MB -c fsync=off -c full_page_writes=off",
    };
    let options = format!(
        "-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c max_connections=400 \
         -c logging_collector=off {sync}",
        home.display()
    );
    let mut begin = command(pg_ctl);
    begin.current_dir(&home).arg("-D").arg(&data).arg("-l").arg(home.join("server.log"));
    begin.args(["-o", &options, "-w", "start"]).stdout(Stdio::null());
    run_detached(begin);
    std::fs::write(folder.join("port"), port.to_string())
        .unwrap_or_else(|error| panic!("remember the port: {error}"));
    watch(folder, pg_ctl, &data);
}

/// `pg_ctl` leaves a server behind that keeps inherited pipes open: give it none.
fn run_detached(mut command: Command) {
    let status =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).status();
    let ended = status.unwrap_or_else(|error| panic!("start Postgres: {error}"));
    assert!(ended.success(), "Postgres did not start; see server.log beside its data");
}

/// A process of its own that stops the cluster once no test process holds the lock.
fn watch(folder: &Path, pg_ctl: &Path, data: &Path) {
    let mut stopping = command(pg_ctl);
    stopping.arg("-D").arg(data).args(["-m", "immediate", "stop"]);
    let stop = quoted(&stopping);
    let port: PathBuf = folder.join("port");
    let script = format!(
        "while sleep 20; do if flock -n -x {lock} -c \"{stop} >/dev/null 2>&1; rm -rf {cluster} {port}\"; then exit 0; fi; done",
        lock = folder.join("lock").display(),
        cluster = folder.join("cluster").display(),
        port = port.display(),
    );
    let child = Command::new("sh")
        .args(["-c", &script])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
    drop(child.unwrap_or_else(|error| panic!("start the watchdog: {error}")));
}

fn quoted(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| format!("'{}'", word.to_string_lossy())).collect::<Vec<_>>().join(" ")
}
