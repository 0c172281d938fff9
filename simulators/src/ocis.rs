//! The ocis simulator.
