//! Connections to a Postgres server: pools, session settings, TLS.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::NoTls;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::db::url::{Server, Tls};
use crate::db::{DbError, Purpose};

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const READERS_MAX: usize = 8;
const LOG_WRITERS_MAX: usize = 2;
const VIEW_WRITERS_MAX: usize = 4;

/// The head row's lock must not be held by somebody who went away, nor waited for longer than a caller would.
const WRITER: &str =
    "-c lock_timeout=2000 -c statement_timeout=5000 -c idle_in_transaction_session_timeout=5000";
const READER: &str = "-c statement_timeout=10000 -c idle_in_transaction_session_timeout=60000 \
                      -c default_transaction_read_only=on";

/// The log is read by key only. A plan made while its tables were almost empty must not scan them later.
const BY_KEY: &str = "-c enable_seqscan=off -c plan_cache_mode=force_generic_plan -c jit=off";

pub(super) fn writers(server: &Server, purpose: Purpose) -> Result<Pool, DbError> {
    let (settings, size) = match purpose {
        Purpose::Log => (format!("{WRITER} {BY_KEY}"), LOG_WRITERS_MAX),
        Purpose::Views => (WRITER.to_owned(), VIEW_WRITERS_MAX),
    };
    pool(server, "dezky-writer", &settings, size)
}

pub(super) fn readers(server: &Server, purpose: Purpose) -> Result<Pool, DbError> {
    match purpose {
        Purpose::Log => pool(server, "dezky-reader", &format!("{READER} {BY_KEY}"), READERS_MAX),
        Purpose::Views => pool(server, "dezky-reader", READER, READERS_MAX),
    }
}

fn pool(server: &Server, name: &str, settings: &str, size: usize) -> Result<Pool, DbError> {
    let mut config = server.config.clone();
    let settings = match config.get_options() {
        Some(theirs) => format!("{theirs} {settings}"),
        None => settings.to_owned(),
    };
    config.options(settings);
    config.application_name(name);
    config.connect_timeout(CONNECT_WITHIN);
    // A server that vanished without a word is noticed by the kernel, not by a caller's patience.
    config.tcp_user_timeout(Duration::from_secs(10));
    config.keepalives_idle(Duration::from_secs(30));
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = match server.tls {
        Tls::Off => Manager::from_config(config, NoTls, recycling),
        Tls::IfOffered | Tls::Always => Manager::from_config(config, tls(server)?, recycling),
    };
    Pool::builder(manager)
        .max_size(size)
        .runtime(Runtime::Tokio1)
        .create_timeout(Some(CONNECT_WITHIN))
        .wait_timeout(Some(CONNECT_WITHIN))
        .build()
        .map_err(|error| DbError::because("make a pool of connections", error))
}

fn tls(server: &Server) -> Result<MakeRustlsConnect, DbError> {
    let found = match &server.authorities {
        Some(file) => rustls_native_certs::load_certs_from_paths(Some(file), None),
        None => rustls_native_certs::load_native_certs(),
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    // Where TLS is spoken only if it is offered, a machine without authorities refuses when it is.
    if roots.is_empty() && server.tls == Tls::Always {
        return Err(DbError::new(
            "find a certificate authority to trust for the database server (sslrootcert=<file> names one)",
        ));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| DbError::because("set up TLS for the database server", error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}
