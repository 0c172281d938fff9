//! Postgres' own programs, run as a user it accepts.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{SystemTime, UNIX_EPOCH};

/// Finds a program in Debian's folders, newest version first, or on the path.
#[expect(clippy::disallowed_methods, reason = "where programs are, is told by the environment")]
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    versions.sort();
    versions.reverse();
    let path = std::env::var("PATH").unwrap_or_default();
    versions.extend(path.split(':').map(PathBuf::from));
    versions.into_iter().map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}

/// Whether this process is root, which the server refuses to run as.
pub(crate) fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// The unprivileged user a server runs as when this process is root.
pub(crate) fn unprivileged() -> &'static str {
    let known =
        Command::new("id").args(["-u", "postgres"]).output().is_ok_and(|output| output.status.success());
    if known { "postgres" } else { "nobody" }
}

/// A program as a user the server accepts.
pub(crate) fn command(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", unprivileged(), "--regid", "nogroup", "--clear-groups"]).arg(program);
    command
}

/// Runs a program to its end.
///
/// # Panics
/// When it fails: a Postgres that is there and cannot be used is a fault of the machine that must be seen.
pub(crate) fn run(mut command: Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("run {command:?}: {error}"));
    assert!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Makes a database in UTF-8.
pub(crate) fn create_database(server: &str, name: &str) {
    let Some(program) = find("createdb") else { panic!("createdb of the Postgres client is not installed") };
    let mut command = Command::new(program);
    command.arg(format!("--maintenance-db={server}")).args([
        "--encoding=UTF8",
        "--locale=C",
        "--template=template0",
        name,
    ]);
    run(command);
}

/// Distinguishes names of one process over time.
#[expect(clippy::disallowed_methods, reason = "a name, not a time")]
pub(crate) fn nanos() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_nanos()).unwrap_or_default()
}
