//! Settings: what is accepted, and what the refusals say.

use super::*;

fn config(environment: &[(&str, &str)], file: Option<&str>) -> anyhow::Result<Config> {
    let pairs = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    parse(&gather(pairs, file)?)
}

fn refusal(environment: &[(&str, &str)], file: Option<&str>) -> String {
    match config(environment, file) {
        Ok(_) => panic!("the settings must be refused"),
        Err(error) => format!("{error:#}"),
    }
}

#[test]
fn nothing_set_means_embedded_databases_in_the_data_folder() {
    let config = config(&[], None).unwrap();
    assert_eq!(config.log_url(), "sqlite:./dezky-data/log.sqlite3");
    assert_eq!(config.views_url(), "sqlite:./dezky-data/views.sqlite3");
    assert!(config.authentik.is_none() && config.stalwart.is_none() && config.ocis.is_none());
}

#[test]
fn read_models_live_beside_a_postgres_log() {
    let config = config(&[("DEZKY_LOG_URL", "postgres://localhost/dezky")], None).unwrap();
    assert_eq!(config.views_url(), "postgres://localhost/dezky");
}

#[test]
fn the_environment_wins_over_the_file() {
    let config =
        config(&[("DEZKY_DATA", "/here")], Some("DEZKY_DATA = \"/there\"\nDEZKY_SWEEP_SECONDS = 60"))
            .unwrap();
    assert_eq!(config.data, PathBuf::from("/here"));
    assert_eq!(config.sweep, Duration::from_mins(1));
}

#[test]
fn a_setting_nobody_knows_is_refused_wherever_it_stands() {
    assert!(refusal(&[("DEZKY_LISTN", "x")], None).contains("there is no setting DEZKY_LISTN"));
    assert!(refusal(&[], Some("listen = \"x\"")).contains("there is no setting listen"));
}

#[test]
fn a_former_name_is_refused_with_a_hint() {
    assert!(refusal(&[("PROVISIONING_INTERNAL_URL", "x")], None).contains("PLATFORM_API_INTERNAL_URL"));
}

#[test]
fn a_secret_does_not_stand_in_the_file() {
    assert!(refusal(&[], Some("DEZKY_STALWART_TOKEN = \"x\"")).contains("DEZKY_STALWART_TOKEN_FILE"));
}

#[test]
fn an_address_without_its_credential_is_refused() {
    assert!(refusal(&[("STALWART_API_URL", "http://mail")], None).contains("DEZKY_STALWART_TOKEN"));
    assert!(refusal(&[("OCIS_API_URL", "http://files")], None).contains("DEZKY_OCIS_BASIC_USER"));
}

#[test]
fn two_ways_into_ocis_contradict_each_other() {
    let both = [
        ("OCIS_API_URL", "http://files"),
        ("DEZKY_OCIS_TOKEN_URL", "http://id"),
        ("DEZKY_OCIS_BASIC_USER", "admin"),
    ];
    assert!(refusal(&both, None).contains("keep one"));
}

#[test]
fn values_of_the_wrong_kind_are_refused_by_name() {
    for (name, value) in [
        ("DEZKY_LISTEN", "3001"),
        ("DEZKY_TRUST_IDP_EMAIL", "yes"),
        ("DEZKY_SWEEP_SECONDS", "-1"),
        ("DEZKY_OCIS_MODE", "off"),
        ("AUTHENTIK_ISSUER", "auth.dezky.local"),
        ("DEZKY_LOG_FORMAT", "xml"),
    ] {
        assert!(refusal(&[(name, value)], None).contains(name), "{name}");
    }
}

#[test]
fn the_readme_lists_every_setting() {
    let readme = include_str!("../../../README.md");
    for setting in SETTINGS {
        let row = format!("| `{}` | {} | {} |", setting.name, setting.default, setting.meaning);
        assert!(readme.contains(&row), "README.md lacks the row: {row}");
    }
}
