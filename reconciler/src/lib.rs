//! Makes the outside systems equal to what the log says should be.
pub mod authentik;
mod backoff;
pub mod breaker;
pub mod call;
pub mod integration;
pub mod ocis;
mod order;
pub mod stalwart;
mod throttle;
