//! The listener: serves until told to stop, then lets running requests finish.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use event_store::EventStore;
use futures::future::BoxFuture;
use projector::Views;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::App;
use crate::auth::KeyClientError;
use crate::config::Config;
use crate::planner::Planner;
use crate::router::{metrics_only, router};

/// Running requests get this long after the stop; then their connections are dropped.
const FAREWELL: Duration = Duration::from_secs(5);

/// Why the service did not start, or ended early.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// No HTTP client for signing keys.
    #[error("prepare to read signing keys")]
    Client(#[from] KeyClientError),
    /// The address is taken, or not ours.
    #[error("listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The listener failed.
    #[error("serve requests")]
    Serve(#[source] std::io::Error),
}

/// Addresses that are listened on, before anything is served there.
#[derive(Debug)]
pub struct Listening {
    api: TcpListener,
    metrics: Option<TcpListener>,
}

impl Listening {
    /// Takes the addresses. Whoever finds one taken learns it before anything else has happened.
    pub async fn on(api: SocketAddr, metrics: Option<SocketAddr>) -> Result<Self, ServeError> {
        let metrics = match metrics {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        Ok(Self { api: listen(api).await?, metrics })
    }
}

/// Serves until told to stop. Boxed, like all that the binary awaits: the body of an `async fn` is compiled by the crate
/// that awaits it, and the binary would be compiled out of everything at its very end.
pub fn serve(
    listening: Listening,
    config: Config,
    store: EventStore,
    views: Views,
    planner: Arc<dyn Planner>,
    stop: CancellationToken,
) -> BoxFuture<'static, Result<(), ServeError>> {
    Box::pin(serving(listening, config, store, views, planner, stop))
}

async fn serving(
    listening: Listening,
    config: Config,
    store: EventStore,
    views: Views,
    planner: Arc<dyn Planner>,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let Listening { api: listener, metrics: metrics_listener } = listening;
    let app = App::new(config, store, views, planner)?;
    let stop = stop.child_token();
    let follow = async {
        // A cache that cannot follow the log is not used; requests go on without it.
        if let Err(error) = app.follow(&stop).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "follow the log for the cache of callers"
            );
        }
    };
    let measured = async {
        match metrics_listener {
            Some(listener) => accept(listener, metrics_only(app.clone()), stop.clone()).await,
            None => Ok(()),
        }
    };
    let served = async {
        let served = accept(listener, router(app.clone()), stop.clone()).await;
        stop.cancel();
        served
    };
    let ((), measured, served) = futures::join!(follow, measured, served);
    served.and(measured)
}

async fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Listen { address, source })
}

async fn accept(listener: TcpListener, router: Router, stop: CancellationToken) -> Result<(), ServeError> {
    let stopping = stop.clone();
    let serving = axum::serve(listener, router)
        .with_graceful_shutdown(async move { stopping.cancelled().await })
        .into_future();
    let farewell = async {
        stop.cancelled().await;
        tokio::time::sleep(FAREWELL).await;
    };
    tokio::select! {
        served = serving => served.map_err(ServeError::Serve),
        () = farewell => {
            tracing::warn!("stopped with requests still running");
            Ok(())
        }
    }
}
