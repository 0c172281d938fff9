//! The command line: subcommands, their options, and help that teaches.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use schema::System;

use crate::development::Insist;
use crate::issuer::Audience;

/// The Dezky platform: tenants, partners and their workplaces in authentik, Stalwart and ownCloud Infinite Scale.
///
/// Without a subcommand everything starts in one process on embedded databases (`dezky up`).
#[derive(Debug, Parser)]
#[command(name = "dezky", version, max_term_width = 110, after_help = AFTER_HELP)]
pub(crate) struct Line {
    #[command(subcommand)]
    pub(crate) role: Option<Role>,
}

const AFTER_HELP: &str = "\
Settings come from the environment, over an optional dezky.toml in the current folder; README.md lists them all.

First steps:
  dezky                          start everything (leave it running)
  TOKEN=$(dezky token operator)  in a second terminal: a token of the development issuer
  curl -H \"Authorization: Bearer $TOKEN\" http://localhost:3001/tenants";

/// What to run.
#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    /// Start every role in one process; simulators and a development issuer stand in for what is not configured.
    Up(Up),
    /// Serve the HTTP API: commands, queries and the group-commit writer. Several may run on Postgres.
    CommandApi,
    /// Keep every read model up to date with the log. Several may run; the checkpoint fences them.
    Projector,
    /// Walk the outside systems towards what the log says, and fire timers. Several may run; leases spread the work.
    Reconciler,
    /// Start only the development issuer and the three simulators, for roles that run as processes of their own.
    Simulate,
    /// Rebuild a read model beside the live one, prove both equal, and swap. Queries go on meanwhile.
    Replay(OneModel),
    /// Swap a read model back to the tables it had before the last replay.
    Rollback(OneModel),
    /// Prove the log dense and its chain unbroken, and every read model equal to a replay. Writes nothing.
    Verify(Output),
    /// Look at a tenant in each outside system and print the steps that would be taken. Changes nothing.
    Plan(Plan),
    /// Positions, lags, parked streams, how each system is acted in, what is missing or left over there, and who waits.
    Status(Output),
    /// Say that what is missing in a system is gone: the running reconciler makes it again, empty.
    ///
    /// When more than `DEZKY_LOSS_PERCENT` of what was made in a system is missing at once, or another installation
    /// answers there, nothing is made until it is back: it may be a restore, a wrong address or an answer that lies.
    /// Doors still shut meanwhile. `dezky status` shows it. Exit code 1 when nothing is missing.
    ConfirmLoss(OneSystem),
    /// Show which streams read models could not digest, and why; or try one again.
    Parked(Parked),
    /// Create or bring up to date the tables of the log and of the read models.
    Migrate,
    /// Print a token of the development issuer, for trying the API.
    Token(Token),
    /// Write a consistent copy of the log to a file, and prove its chain.
    Backup(File),
    /// Fill an empty log from a backup, prove its chain; read models follow by themselves.
    Restore(File),
    /// First administrators.
    #[command(subcommand)]
    Admin(Admin),
}

/// Options of `up`.
#[derive(Debug, Args, Default)]
pub(crate) struct Up {
    /// Let development parts answer beside a public address. Anybody who reaches it can become an operator.
    #[arg(long = "i-know-this-is-insecure")]
    pub(crate) insecure: bool,
}

impl Up {
    pub(crate) const fn insist(&self) -> Insist {
        if self.insecure { Insist::Yes } else { Insist::No }
    }
}

/// One read model.
#[derive(Debug, Args)]
pub(crate) struct OneModel {
    /// Its name, as `dezky status` shows it.
    pub(crate) read_model: String,
}

/// One outside system.
#[derive(Debug, Args)]
pub(crate) struct OneSystem {
    /// Which: authentik, stalwart or ocis.
    #[arg(value_parser = system())]
    pub(crate) system: System,
}

fn system() -> impl TypedValueParser<Value = System> {
    PossibleValuesParser::new(System::ALL.map(System::as_str)).try_map(|word| word.parse::<System>())
}

/// How to print.
#[derive(Debug, Args)]
pub(crate) struct Output {
    /// Print one JSON document instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which tenant to look at.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// The tenant's slug, or its id.
    pub(crate) tenant: String,
    /// Print one JSON document instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What could not be digested.
#[derive(Debug, Args)]
pub(crate) struct Parked {
    #[command(subcommand)]
    pub(crate) what: Option<ParkedWhat>,
    /// Print one JSON document instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What to do about it.
#[derive(Debug, Subcommand)]
pub(crate) enum ParkedWhat {
    /// Apply the waiting events of one stream, in order, all or none. They are also tried by the clock.
    Retry {
        /// The read model, as `dezky parked` shows it.
        read_model: String,
        /// The stream, as `dezky parked` shows it.
        stream: String,
    },
}

/// For whom a token is.
#[derive(Debug, Args)]
pub(crate) struct Token {
    /// Which portal the token is for: staff or customers.
    #[arg(value_enum)]
    pub(crate) audience: Audience,
    /// Whose token it is. Default: admin@dezky.local for operators, customer@dezky.local for the portal.
    #[arg(long)]
    pub(crate) email: Option<String>,
    /// Where the issuer is, when it is not the one of this data folder.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) issuer: Option<SocketAddr>,
}

/// A backup.
#[derive(Debug, Args)]
pub(crate) struct File {
    /// The file.
    pub(crate) file: PathBuf,
}

/// First administrators.
#[derive(Debug, Subcommand)]
pub(crate) enum Admin {
    /// Make a person who has signed in before the first platform administrator. Refused once there has been one.
    Bootstrap {
        /// The address they signed in with.
        email: String,
    },
}
