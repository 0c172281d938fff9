//! Query strings.

use super::Query;

fn parse(text: &str) -> Query {
    Query::parse(text).expect("readable")
}

#[test]
fn what_cannot_be_read_or_is_given_twice_is_refused() {
    for text in ["a=%zz", "a=%f", "a=%ff", "a=1&a=2"] {
        assert!(Query::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_parameter_nobody_knows_is_refused() {
    assert!(parse("status=active&minPosition=3").only(&["status"]).is_ok());
    assert!(parse("statsu=active").only(&["status"]).is_err());
}

#[test]
fn limits_hold() {
    assert_eq!(parse("").limit().ok(), Some(50));
    assert_eq!(parse("limit=200").limit().ok(), Some(200));
    for text in ["limit=0", "limit=201", "limit=-1", "limit=ten", "limit=99999999999999999999"] {
        assert!(parse(text).limit().is_err(), "{text}");
    }
    assert!(parse(&format!("q={}", "x".repeat(101))).search().is_err());
    assert!(parse(&format!("status={}", "a,".repeat(50) + "a")).values("status").is_err());
}

#[test]
fn a_filter_takes_words_of_its_list_only() {
    let words = &["active", "pending"];
    assert_eq!(parse("status=pending,active").choices("status", words).ok(), Some(vec!["pending", "active"]));
    assert!(parse("status=open").choices("status", words).is_err());
    assert!(parse("status=").choices("status", words).is_err());
}

#[test]
fn the_next_page_asks_the_same_question() {
    let query = parse("q=a%20b&limit=2&cursor=old");
    let next = parse(&query.with_cursor("new.x"));
    assert_eq!(next.get("cursor"), Some("new.x"));
    assert_eq!(next.question("/tenants"), query.question("/tenants"));
    assert_ne!(parse("q=a").question("/tenants"), parse("q=b").question("/tenants"));
}
