//! Decisions over several streams, as sentences.
