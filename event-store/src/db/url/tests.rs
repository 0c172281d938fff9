//! What counts as an address, and what is never shown.

use super::*;

#[test]
fn a_password_is_never_shown() {
    let url: DbUrl = "postgres://dezky:hunter2@db.example:6432/log?sslmode=disable".parse().unwrap();
    assert_eq!(format!("{url} {url:?}"), "postgres://db.example:6432/log postgres://db.example:6432/log");
    let error = "postgres://dezky:hunter2@db:port/log".parse::<DbUrl>().unwrap_err();
    assert!(!error.to_string().contains("hunter2"));
}

#[test]
fn a_mode_libpq_knows_and_the_driver_does_not_is_understood() {
    let tls = |text: &str| {
        let DbUrl(Place::Postgres(server)) = text.parse().unwrap() else { panic!("{text} is Postgres") };
        server.tls
    };
    assert_eq!(tls("postgres://db/log?sslmode=verify-full&sslrootcert=/ca.pem"), Tls::Always);
    assert_eq!(tls("postgres://db/log?sslmode=require"), Tls::Always);
    assert_eq!(tls("postgres://db/log"), Tls::IfOffered);
    assert_eq!(tls("postgres://localhost/log"), Tls::Off);
    assert_eq!("postgres://db/log?sslmode=maybe".parse::<DbUrl>(), Err(DbUrlError::SslMode));
}

#[test]
fn files_and_memory_are_told_apart() {
    assert_eq!("sqlite:./data/log.db".parse::<DbUrl>().unwrap(), DbUrl::sqlite("./data/log.db"));
    assert_eq!("sqlite:///data/log.db".parse::<DbUrl>().unwrap(), DbUrl::sqlite("/data/log.db"));
    assert_eq!("sqlite::memory:".parse::<DbUrl>().unwrap().to_string(), "sqlite::memory:");
    assert_eq!("mysql://db".parse::<DbUrl>(), Err(DbUrlError::Unknown));
}
