//! An installation in a folder of its own, and the processes started in it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::{Api, Simulator, free_address};

const READY_WITHIN: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Last lines of a process that are shown when a test fails.
const LINES_SHOWN: usize = 60;

/// A data folder, settings and the binary.
pub struct Installation {
    binary: PathBuf,
    folder: TempDir,
    settings: BTreeMap<String, String>,
}

/// A process of the platform; killed when dropped.
pub struct Running {
    child: Child,
    log: PathBuf,
}

impl Installation {
    /// A fresh one. Every address is a free loopback port.
    pub fn new(binary: impl Into<PathBuf>) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("make a data folder")?;
        let mut settings = BTreeMap::new();
        settings.insert("DEZKY_DATA".to_owned(), folder.path().join("data").display().to_string());
        for name in [
            "DEZKY_LISTEN",
            "DEZKY_ISSUER_LISTEN",
            "DEZKY_SIMULATOR_AUTHENTIK_LISTEN",
            "DEZKY_SIMULATOR_STALWART_LISTEN",
            "DEZKY_SIMULATOR_OCIS_LISTEN",
        ] {
            settings.insert(name.to_owned(), free_address()?.to_string());
        }
        Ok(Self { binary: binary.into(), folder, settings })
    }

    /// Sets one setting for every process started from now on.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.settings.insert(name.to_owned(), value.into());
    }

    /// Takes every `export NAME=value` line of a text as a setting, as a shell would.
    pub fn take_exports(&mut self, text: &str) {
        for (name, value) in text.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('=')) {
            self.set(name, value);
        }
    }

    /// A setting.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }

    /// The folder of this installation.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the HTTP API listens.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        self.setting("DEZKY_LISTEN").context("DEZKY_LISTEN is set")?.parse().context("read DEZKY_LISTEN")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).envs(&self.settings).current_dir(self.folder.path()).kill_on_drop(true);
        command
    }

    /// Starts a role; what it prints goes to a file named after it.
    pub fn start(&self, arguments: &[&str]) -> anyhow::Result<Running> {
        let log = self.folder.path().join(format!("{}.log", arguments.first().unwrap_or(&"up")));
        let file =
            std::fs::OpenOptions::new().create(true).append(true).open(&log).context("open a log file")?;
        let errors = file.try_clone().context("share a log file")?;
        let child = self
            .command(arguments)
            .stdout(Stdio::from(file))
            .stderr(Stdio::from(errors))
            .spawn()
            .with_context(|| format!("start {}", self.binary.display()))?;
        Ok(Running { child, log })
    }

    /// Runs a subcommand to its end: exit code and what it printed.
    pub async fn run(&self, arguments: &[&str]) -> anyhow::Result<(i32, String, String)> {
        let output = self
            .command(arguments)
            .output()
            .await
            .with_context(|| format!("run {}", self.binary.display()))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok((output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr)))
    }

    /// A client of the API with a token of the development issuer.
    pub async fn client(&self, audience: &str, email: Option<&str>) -> anyhow::Result<Api> {
        let mut arguments = vec!["token", audience];
        arguments.extend(email.iter().flat_map(|email| ["--email", email]));
        if let Some(issuer) = self.setting("DEZKY_ISSUER_LISTEN") {
            arguments.extend(["--issuer", issuer]);
        }
        let (code, token, errors) = self.run(&arguments).await?;
        if code != 0 {
            bail!("`dezky token` failed: {errors}");
        }
        Api::new(self.address()?, token.trim())
    }

    /// A simulator of this installation, by the name of its system in settings: `AUTHENTIK`, `STALWART`, `OCIS`.
    pub fn simulator(&self, system: &str) -> anyhow::Result<Simulator> {
        let setting = format!("DEZKY_SIMULATOR_{system}_LISTEN");
        let listen = self.setting(&setting).with_context(|| format!("{setting} is set"))?;
        Simulator::new(format!("http://{listen}"))
    }

    /// Waits until the API says it can serve.
    pub async fn ready(&self, running: &mut Running) -> anyhow::Result<()> {
        let url = format!("http://{}/readyz", self.address()?);
        let client =
            reqwest::Client::builder().timeout(Duration::from_secs(2)).build().context("make a client")?;
        let until = Instant::now() + READY_WITHIN;
        while Instant::now() < until {
            if let Some(status) = running.child.try_wait().context("look at the process")? {
                bail!("the process ended with {status}: {}", running.printed()?);
            }
            if client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        bail!("not ready after {READY_WITHIN:?}: {}", running.printed()?)
    }
}

/// Who looks for why a test failed needs what the process said.
impl Drop for Running {
    #[expect(clippy::print_stderr, reason = "a failed test says what it saw")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let printed = self.printed().unwrap_or_default();
            let lines: Vec<&str> = printed.lines().collect();
            let last = lines.len().saturating_sub(LINES_SHOWN);
            eprintln!("{}:\n{}", self.log.display(), lines.get(last..).unwrap_or_default().join("\n"));
        }
    }
}

impl Running {
    /// `kill -9`.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("kill the process")
    }

    /// Asks it to stop, as a supervisor does.
    pub fn terminate(&self) -> anyhow::Result<()> {
        let id = self.child.id().context("the process has ended")?.to_string();
        let sent = std::process::Command::new("kill").args(["-TERM", &id]).status().context("run kill")?;
        if sent.success() { Ok(()) } else { bail!("could not ask process {id} to stop") }
    }

    /// Waits for its end; the exit code, unless a signal ended it.
    pub async fn ended(&mut self) -> anyhow::Result<Option<i32>> {
        Ok(self.child.wait().await.context("wait for the process")?.code())
    }

    /// Everything it has printed, and what earlier processes of the same role printed.
    pub fn printed(&self) -> anyhow::Result<String> {
        std::fs::read_to_string(&self.log).context("read a log file")
    }

    /// Waits until it has printed a text.
    pub async fn prints(&mut self, wanted: &str) -> anyhow::Result<String> {
        let until = Instant::now() + READY_WITHIN;
        loop {
            let printed = self.printed()?;
            if printed.contains(wanted) {
                return Ok(printed);
            }
            if self.child.try_wait().context("look at the process")?.is_some() || Instant::now() > until {
                bail!("it never printed {wanted:?}: {printed}");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}
