//! Simulators of the three upstreams (authentik, Stalwart, OCIS): the recorded contracts over loopback HTTP, with
//! state, and with faults on request.
//!
//! Tests of the reconciler send its real clients here, and `dezky up` starts them as development upstreams.
//!
//! What always holds:
//! * only loopback addresses are bound;
//! * the state belongs to the handle (`Authentik`, …), so an upstream can be stopped and started with its state kept;
//! * a change is written to the journal, when there is one, before its reply is sent;
//! * what a simulator answers is held against the recordings under `recordings/` by `tests/recordings.rs`.
//!
//! Deliberately absent: everything no provisioning client uses, and TLS.

pub mod authentik;
mod control;
pub mod faults;
pub mod journal;
pub mod ocis;
mod serve;
pub mod stalwart;

pub use control::assemble;
pub use faults::{Count, Effect, Faults, Rule, Seen};
pub use serve::{Running, serve};
