//! Decisions over one or several streams, all or nothing.
//!
//! Each file is one decision: what must be known beforehand is a field, what must not change meanwhile is a stream.
