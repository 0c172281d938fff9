//! Folding a batch.
