//! Starts and stops one simulator on a loopback address, on connections that can be cut without a reply.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::faults::Faults;

/// A started simulator. Dropping it stops it too, without waiting.
pub struct Running {
    pub address: SocketAddr,
    pub faults: Faults,
    stopping: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Running {
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops listening, lets the requests in flight end and closes every connection.
    pub async fn stop(mut self) {
        self.stopping.cancel();
        if let Some(task) = self.task.take()
            && let Err(error) = task.await
        {
            tracing::warn!(address = %self.address, error = &error as &dyn std::error::Error, "simulator did not end cleanly");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

/// Serves `router` on `listen` until the returned [`Running`] is stopped or dropped.
pub async fn serve(router: Router, listen: SocketAddr, faults: Faults) -> io::Result<Running> {
    if !listen.ip().is_loopback() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("a simulator binds to a loopback address only, not to {listen}"),
        ));
    }
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let stopping = CancellationToken::new();
    let door = Door { listener, stopping: stopping.clone() };
    let service = router.into_make_service_with_connect_info::<Connection>();
    let serving = axum::serve(door, service).with_graceful_shutdown(stopping.clone().cancelled_owned());
    #[expect(
        clippy::disallowed_methods,
        reason = "ends with the cancellation of `stopping`, by stop or drop"
    )]
    let task = tokio::spawn(async move {
        if let Err(error) = serving.await {
            tracing::error!(error = &error as &dyn std::error::Error, "simulator stopped serving");
        }
    });
    Ok(Running { address, faults, stopping, task: Some(task) })
}

/// What a request can do to the connection it came on.
#[derive(Clone)]
pub(crate) struct Connection {
    cut: Arc<AtomicBool>,
    pub(crate) stopping: CancellationToken,
}

impl Connection {
    /// From now on nothing is written: the client sees the connection close without an answer.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::Release);
    }
}

struct Door {
    listener: TcpListener,
    stopping: CancellationToken,
}

impl Listener for Door {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::trace!(error = &error as &dyn std::error::Error, "could not switch off delayed sending");
        }
        let connection = Connection { cut: Arc::default(), stopping: self.stopping.clone() };
        (Wire { stream, connection }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connected<IncomingStream<'_, Door>> for Connection {
    fn connect_info(incoming: IncomingStream<'_, Door>) -> Self {
        incoming.io().connection.clone()
    }
}

struct Wire {
    stream: TcpStream,
    connection: Connection,
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.connection.cut.load(Ordering::Acquire) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
