//! The stalwart simulator.
