//! Makes the outside systems equal to what the log says should be.
pub mod authentik;
pub mod call;
pub mod integration;
pub mod ocis;
pub mod stalwart;
mod throttle;
