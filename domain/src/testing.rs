//! Given, when, then: rule tests as sentences.
