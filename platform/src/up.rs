//! `dezky up`: every role in one process, and development parts for what is not configured.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use crate::boot;
use crate::config::{Config, DATA};
use crate::development::Insist;
use crate::lock::{Alone, Held, hold};
use crate::parts::{Parts, Tables, api, lend, urls};
use crate::roles::{Together, listen, reconcile, take_addresses, writer};
use crate::simulate::Development;

/// Starts everything and waits for the stop.
pub(crate) async fn run(config: Config, insist: Insist, stop: CancellationToken) -> anyhow::Result<()> {
    let listen = listen(&config, Development::is_on(&config));
    let _alone = own_databases(&config)?;
    // Databases and addresses first: what is wrong with them is said before anything else is started.
    let parts = Parts::open(&config, Tables::Make).await?;
    let listening = take_addresses(&config, listen).await?;
    let development = Development::start(&config, listen, insist, &stop).await?;
    let config = development.config.clone();
    let told = api(&config, listen, development.issuer.as_deref())?;

    let mut together = Together::new(&stop);
    writer(&mut together, &parts);
    boot::seed(&parts.log).await.context("make what must exist before the first command")?;
    boot::default_plan(&parts.log, &config.default_plan).await?;
    if let (Some(_), Some(email)) = (&development.issuer, &config.bootstrap_admin_email) {
        boot::development_admin(&parts.log, email).await?;
    }
    together.add(
        "keep read models up to date",
        projector::run(parts.views.clone(), parts.log.clone(), together.stop()),
    );
    let is_simulated = |system: &str| development.simulated.iter().any(|(simulated, _)| *simulated == system);
    let reconciler = reconcile(&mut together, &config, &parts, is_simulated).await?;
    let planner = lend(&reconciler, &parts.views);
    let (log, views) = (parts.log.clone(), parts.views.clone());
    let served = command_api::serve(listening, told, log, views, planner, together.stop());
    together.add("serve the API", served);

    crate::print(&welcome(&config, listen, &development)?)?;
    let ended = together.wait().await;
    development.stop().await;
    ended
}

/// The embedded databases belong to one process: it takes leases of a dead one as its own.
fn own_databases(config: &Config) -> anyhow::Result<Option<Held>> {
    let (log, views) = urls(config)?;
    let is_embedded = !log.is_postgres() || !views.is_postgres();
    is_embedded.then(|| hold(&config.data, Alone::Databases)).transpose()
}

fn welcome(config: &Config, listen: SocketAddr, development: &Development) -> anyhow::Result<String> {
    let (log, _) = urls(config)?;
    let mut text = format!("\nDezky platform {} is up (dezky-platform-api)\n\n", env!("CARGO_PKG_VERSION"));
    writeln!(
        text,
        "  API             http://{listen}      interactive documentation at http://{listen}/docs"
    )?;
    writeln!(text, "  log             {log}")?;
    if let Some(issuer) = &development.issuer {
        writeln!(text, "  development     token issuer on {issuer}")?;
    }
    if !development.simulated.is_empty() {
        let simulated: Vec<_> =
            development.simulated.iter().map(|(system, url)| format!("{system} {url}")).collect();
        writeln!(text, "  simulated       {}", simulated.join(" · "))?;
    }
    if development.issuer.is_some() {
        let program =
            std::env::current_exe().map_or_else(|_| "dezky".to_owned(), |path| path.display().to_string());
        // The second terminal does not know this one's environment.
        let data = if config.data == Path::new(DATA) {
            String::new()
        } else {
            format!("DEZKY_DATA='{}' ", std::path::absolute(&config.data)?.display())
        };
        writeln!(text, "\n  An operator token:   TOKEN=$({data}{program} token operator)")?;
        writeln!(
            text,
            "  A first look:        curl -s -H \"Authorization: Bearer $TOKEN\" http://{listen}/tenants"
        )?;
    }
    text.push('\n');
    Ok(text)
}
