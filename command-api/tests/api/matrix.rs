//! The authorisation matrix: every route × every kind of caller. A new route without a row here fails the test.

use std::fmt::Write as _;

use axum::http::Method;
use command_api::Who;
use schema::Role;
use serde_json::json;

use crate::house::{ADMIN, House};

/// Kinds of callers, in the order of columns.
const CALLERS: [&str; 9] =
    ["nobody", "garbage", "stranger", "member", "admin", "owner", "flagless", "portal admin", "operator"];

/// What a caller may get from a route: `yes` for anything that is no refusal to them, else a problem code.
fn expected(who: Who, method: &Method, path: &str, caller: &str) -> &'static str {
    let is_read = method == Method::GET;
    let about_tenant = path.starts_with("/tenants/{t}");
    match (who, caller) {
        (Who::Public, _) => "yes",
        (_, "nobody") => "token-missing",
        (_, "garbage") => "token-invalid",
        (Who::Bearer | Who::Known, _) | (_, "operator") => "yes",
        (Who::Operator, "flagless") => "not-a-platform-admin",
        (Who::Member(_), "stranger" | "flagless") if about_tenant => "tenant-not-found",
        (Who::Member(_), "portal admin") if is_read => "yes",
        (Who::Operator, _) | (Who::Member(_), "portal admin") => "operator-scope-required",
        // Fields have rights of their own there: an empty change is nobody's secret.
        (Who::Member(_), _) if method == Method::PATCH => "yes",
        (Who::Member(role), _) if role_of(caller).includes(role) => "yes",
        (Who::Member(_), _) => "role-insufficient",
    }
}

fn role_of(caller: &str) -> Role {
    match caller {
        "owner" => Role::Owner,
        "admin" => Role::Admin,
        _ => Role::Member,
    }
}

fn filled(path: &str) -> String {
    path.replace("{t}", "acme")
        .replace("{p}", "reseller")
        .replace("{d}", "acme.dk")
        .replace("{h}", "hld_01jd8r1a3c5e7g9j1m3p5r7t9v")
        .replace("{i}", "ocis")
        .replace("{id}", "inv_01jd8q0b2d4f6h8k0m2p4r6t8v")
        .replace("{u}", "usr_01jd8q0b2d4f6h8k0m2p4r6t8v")
}

/// Codes that say something about the caller; every other answer means that the caller was let through.
const ABOUT_CALLERS: [&str; 10] = [
    "token-missing",
    "token-invalid",
    "token-expired",
    "operator-scope-required",
    "not-a-platform-admin",
    "role-insufficient",
    "user-unknown",
    "user-disabled",
    "tenant-not-found",
    "field-forbidden",
];

#[tokio::test]
async fn ec_47_every_route_answers_every_caller_as_written() {
    let (house, operator) = House::with_operator().await;
    house.tenant(&operator, "acme").await;
    house
        .post("/partners")
        .by(&operator)
        .json(&json!({ "slug": "reseller", "name": "Reseller" }))
        .send()
        .await
        .expect(201);
    let member = house.member(&operator, "acme", "member").await;
    let admin = house.member(&operator, "acme", "admin").await;
    let owner = house.member(&operator, "acme", "owner").await;
    let stranger = house.customer("eve@elsewhere.example").await;
    let flagless = house.idp.operator("flagless@dezky.example");
    house.get("/users/me").by(&flagless).send().await.expect(200);
    house.catch_up().await;
    let tokens = [
        None,
        Some("garbage".to_owned()),
        Some(stranger),
        Some(member),
        Some(admin),
        Some(owner),
        Some(flagless),
        Some(house.idp.portal(ADMIN)),
        Some(operator),
    ];
    let mut wrong = String::new();
    for (method, path, who) in command_api::table() {
        for prefix in ["", "/v1"] {
            if prefix == "/v1" && who == Who::Public {
                continue;
            }
            for (caller, token) in CALLERS.iter().zip(&tokens) {
                // A rehearsal asks for every right and changes nothing, so that one caller cannot disturb the next.
                let query = if method == Method::GET { "" } else { "?validate_only=true" };
                let mut call = house.call(method.clone(), &format!("{prefix}{}{query}", filled(path)));
                if let Some(token) = token {
                    call = call.by(token);
                }
                let answer = call.send().await;
                let code = answer.json["code"].as_str().unwrap_or_default();
                let got = ABOUT_CALLERS.iter().find(|known| **known == code).copied().unwrap_or("yes");
                let expected = expected(who, &method, path, caller);
                if got != expected || answer.status.as_u16() >= 500 {
                    let status = answer.status;
                    let _ = writeln!(
                        wrong,
                        "{method} {prefix}{path} as {caller}: {got} ({status} {code}), expected {expected}"
                    );
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
