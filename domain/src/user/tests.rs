//! Rules of this aggregate, as sentences.
