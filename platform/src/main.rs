//! `dezky`: reads the configuration, starts the roles asked for, stops politely.

mod backup;
mod boot;
mod cli;
mod clock;
mod config;
mod development;
mod issuer;
mod jobs;
mod lock;
mod logging;
mod operations;
mod parts;
mod planner;
mod rebuild;
mod roles;
mod settings;
mod simulate;
mod status;
mod stop;
mod up;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;

use crate::cli::{Line, Role, Up};
use crate::config::Config;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(code) => code,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<ExitCode> {
    let line = Line::parse();
    let config = config::read().context("read the configuration")?;
    logging::start(&config)?;
    start(line.role.unwrap_or(Role::Up(Up::default())), config).await
}

async fn start(role: Role, config: Config) -> anyhow::Result<ExitCode> {
    let done = |()| ExitCode::SUCCESS;
    match role {
        Role::Up(options) => up::run(config, options.insist(), stop::requested()).await.map(done),
        Role::CommandApi => roles::command_api(config, stop::requested()).await.map(done),
        Role::Projector => roles::projector(config, stop::requested()).await.map(done),
        Role::Reconciler => roles::reconciler(config, stop::requested()).await.map(done),
        Role::Simulate => simulate::run(&config, stop::requested()).await.map(done),
        Role::Replay(model) => rebuild::replay(&config, &model.read_model).await.map(done),
        Role::Rollback(model) => rebuild::rollback(&config, &model.read_model).await.map(done),
        Role::Verify(output) => rebuild::verify(&config, output.json.into()).await,
        Role::Plan(asked) => operations::plan(&config, &asked).await,
        Role::Status(output) => status::status(&config, output.json.into()).await.map(done),
        Role::ConfirmLoss(of) => status::confirm_loss(&config, of.system).await.map(done),
        Role::Parked(asked) => status::parked(&config, &asked).await.map(done),
        Role::Migrate => operations::migrate(&config).await.map(done),
        Role::Token(asked) => print(&format!("{}\n", simulate::token(&config, &asked)?)).map(done),
        Role::Backup(to) => backup::write(&config, &to.file).await.map(done),
        Role::Restore(from) => backup::read(&config, &from.file).await.map(done),
        Role::Admin(cli::Admin::Bootstrap { email }) => {
            operations::bootstrap_admin(&config, &email).await.map(done)
        }
    }
}

/// What a command was asked to print. A closed pipe is the reader's choice, not an error.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().write_all(text.as_bytes()).and_then(|()| std::io::stdout().flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("print the result")
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The whole chain of an error, on one line, where people look for it.
fn complain(error: &anyhow::Error) {
    // If even that cannot be written, the exit code still says it.
    drop(writeln!(std::io::stderr(), "dezky: {error:#}"));
}
