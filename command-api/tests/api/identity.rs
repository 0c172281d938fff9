//! Tokens: which count, which do not, and what happens while the identity provider is away.

use std::sync::atomic::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::house::{House, NOW_SECONDS};
use test_identity::KEY_ID;

async fn me(house: &House, token: &str) -> crate::house::Answer {
    house.get("/users/me").by(token).send().await
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

#[tokio::test]
async fn n7_both_audiences_and_both_issuers_are_accepted() {
    let house = House::open().await;
    let health = house.get("/health").send().await.expect(200);
    assert_eq!(health.json["service"], "dezky-platform-api");
    for token in [house.idp.portal("ada@acme.example"), house.idp.operator("ada@acme.example")] {
        let answer = me(&house, &token).await.expect(200);
        assert_eq!(answer.json["email"], "ada@acme.example");
    }
}

#[tokio::test]
async fn ec_34_an_audience_counts_only_with_its_own_issuer() {
    let house = House::open().await;
    let claims = with(house.idp.claims("dezky-portal", "ada@acme.example"), "aud", json!("dezky-operator"));
    me(&house, &house.idp.sign(&claims)).await.refused(401, "token-invalid");
    let both = with(claims, "aud", json!(["dezky-operator", "dezky-portal"]));
    let answer = me(&house, &house.idp.sign(&both)).await.expect(200);
    assert_eq!(answer.json["audience"], json!(["dezky-portal"]));
    house.get("/partners").by(&house.idp.sign(&both)).send().await.refused(403, "operator-scope-required");
}

#[tokio::test]
async fn ec_35_times_hold_to_the_minute() {
    let house = House::open().await;
    let claims = house.idp.claims("dezky-portal", "ada@acme.example");
    let at =
        |name: &str, seconds: i64| house.idp.sign(&with(claims.clone(), name, json!(NOW_SECONDS + seconds)));
    me(&house, &at("exp", -61)).await.refused(401, "token-expired");
    me(&house, &at("exp", -59)).await.expect(200);
    me(&house, &at("nbf", 61)).await.refused(401, "token-invalid");
    me(&house, &at("nbf", 59)).await.expect(200);
}

#[tokio::test]
async fn an_id_token_is_no_access_token() {
    let house = House::open().await;
    let mut claims = house.idp.claims("dezky-portal", "ada@acme.example");
    for name in ["azp", "scope", "uid"] {
        claims.as_object_mut().expect("claims").remove(name);
    }
    let id_token = with(claims, "nonce", json!("n-456"));
    me(&house, &house.idp.sign(&id_token)).await.refused(401, "token-invalid");
    let access_token = with(id_token, "azp", json!("dezky-portal"));
    me(&house, &house.idp.sign(&access_token)).await.expect(200);
}

#[tokio::test]
async fn ec_35_only_our_algorithms_keys_and_audiences_count() {
    let house = House::open().await;
    let claims = house.idp.claims("dezky-portal", "ada@acme.example");
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let unsigned = format!("{}.{}.", part(&json!({ "alg": "none", "kid": KEY_ID })), part(&claims));
    let mut hmac = Header::new(Algorithm::HS256);
    hmac.kid = Some(KEY_ID.to_owned());
    let secret = EncodingKey::from_secret(house.idp.public_key().as_bytes());
    let hmac = jsonwebtoken::encode(&hmac, &claims, &secret).expect("a token");
    let mut unknown_key = Header::new(Algorithm::EdDSA);
    unknown_key.kid = Some("another".to_owned());
    let mut audience_missing = claims.clone();
    audience_missing.as_object_mut().expect("claims").remove("aud");
    let mut nobody = claims.clone();
    nobody["sub"] = json!("");
    let stranger =
        with(claims.clone(), "iss", json!("https://elsewhere.example/application/o/dezky-portal/"));
    let good = house.idp.sign(&claims);
    let altered = format!("{}x.{}", &good[..good.len() / 2], &good[good.len() / 2..]);
    let tokens = [
        unsigned,
        hmac,
        house.idp.sign_with(&unknown_key, &claims),
        house.idp.sign_with(&Header::new(Algorithm::EdDSA), &claims),
        house.idp.sign(&audience_missing),
        house.idp.sign(&nobody),
        house.idp.sign(&stranger),
        altered,
        "garbage".to_owned(),
        "a.b.c".to_owned(),
    ];
    for token in tokens {
        let answer = me(&house, &token).await.refused(401, "token-invalid");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        assert!(!answer.text.contains("elsewhere.example"), "the unexpected issuer is told to the log only");
    }
    house.get("/users/me").send().await.refused(401, "token-missing");
    house
        .get("/users/me")
        .header("authorization", "Basic dXNlcg==")
        .send()
        .await
        .refused(401, "token-missing");
}

#[tokio::test]
async fn ec_36_a_storm_of_unknown_keys_leads_to_one_look() {
    let house = House::open().await;
    let claims = house.idp.claims("dezky-portal", "ada@acme.example");
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some("unknown".to_owned());
    let token = house.idp.sign_with(&header, &claims);
    let storm = (0..1000).map(|_| me(&house, &token));
    for answer in futures::future::join_all(storm).await {
        answer.refused(401, "token-invalid");
    }
    assert_eq!(house.idp.counters.key_reads.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn ec_36_known_keys_work_while_the_provider_is_down() {
    let house = House::open().await;
    me(&house, &house.idp.portal("ada@acme.example")).await.expect(200);
    house.idp.counters.is_down.store(true, Ordering::SeqCst);
    me(&house, &house.idp.portal("bo@acme.example")).await.expect(200);
}

#[tokio::test]
async fn ec_36_without_any_key_nobody_can_tell() {
    let house = House::open().await;
    house.idp.counters.is_down.store(true, Ordering::SeqCst);
    let answer = me(&house, &house.idp.portal("ada@acme.example")).await.refused(503, "upstream-unavailable");
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.json["retryable"], true);
}
