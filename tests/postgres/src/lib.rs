//! A fresh Postgres database for each test that needs one.
