//! The published document.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{contract, examples};
use crate::route::Route;
use crate::router::{at_root, versioned};

fn document() -> Value {
    serde_json::to_value(contract("0.0.0")).expect("a document")
}

fn routes() -> BTreeSet<(String, String)> {
    let of = |prefix: &str, route: &Route| {
        (format!("{prefix}{}", route.path), route.method.as_str().to_lowercase())
    };
    let versioned = versioned();
    let twice = versioned.iter().flat_map(|route| [of("", route), of("/v1", route)]);
    at_root().iter().map(|route| of("", route)).chain(twice).collect()
}

#[test]
fn the_document_has_exactly_the_routes_of_the_router() {
    let document = document();
    let paths = document["paths"].as_object().expect("paths");
    let documented: BTreeSet<(String, String)> = paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().expect("an item").keys().map(move |method| (path.clone(), method.clone()))
        })
        .collect();
    assert_eq!(documented, routes());
    assert_eq!(document["openapi"], "3.1.0");
}

#[test]
fn every_shape_that_is_referred_to_exists() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    for route in at_root().into_iter().chain(versioned()) {
        assert!(schemas.contains_key(route.gives), "{} {} gives {}", route.method, route.path, route.gives);
    }
}

#[test]
fn every_route_says_what_it_is_for() {
    for route in at_root().into_iter().chain(versioned()) {
        assert!(!route.about.is_empty(), "{} {}", route.method, route.path);
    }
}

#[test]
fn the_examples_can_be_read() {
    assert!(examples::all().len() > 10);
}
