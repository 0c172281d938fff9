//! Starts, kills and asks the platform's binary, for tests that work as a user would.

mod api;
mod people;
mod running;
mod simulator;

pub use api::{Answer, Api};
pub use running::{Installation, Running};
pub use simulator::{Request, Simulator};

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Context as _, bail};

/// Below the ports that systems give to outgoing connections, so that none of those takes one in between.
const PORTS: std::ops::Range<u16> = 10_000..30_000;
const TRIES_MAX: u16 = 200;

/// A loopback address nobody listens on at the moment. Chosen at random, so that tests side by side do not meet.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    let ports = u128::from(PORTS.end - PORTS.start);
    for _ in 0..TRIES_MAX {
        let chosen = u16::try_from(uuid::Uuid::new_v4().as_u128() % ports).context("choose a port")?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, PORTS.start + chosen));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    bail!("no loopback port between {} and {} is free", PORTS.start, PORTS.end)
}
