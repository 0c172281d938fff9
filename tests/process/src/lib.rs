//! Starts, kills and asks the platform's binary, for tests that work as a user would.

mod api;
mod running;

pub use api::{Answer, Api};
pub use running::{Installation, Running};

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::Context as _;

/// A loopback address nobody listens on at the moment.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .context("find a free loopback port")
}
