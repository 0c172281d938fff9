//! Tokens of the development issuer for many people, as `dezky token` makes them one by one.

use anyhow::Context as _;
use serde_json::json;

use crate::{Api, Installation};

/// How the issuer names its key.
const KEY_ID: &str = "dezky-development";
const TOKEN_SECONDS: i64 = 60 * 60;

impl Installation {
    /// Somebody who signs in at the portal. The installation must have been started before: its key is needed.
    pub fn person(&self, email: &str) -> anyhow::Result<Api> {
        let key = self.folder().join("data").join("development-issuer.pk8");
        let key = std::fs::read(key).context("read the key of the development issuer")?;
        let issuer = self.setting("DEZKY_ISSUER_LISTEN").context("DEZKY_ISSUER_LISTEN is set")?;
        let subject = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, format!("mailto:{email}").as_bytes());
        let now = now_seconds();
        let claims = json!({
            "iss": format!("http://{issuer}/application/o/dezky-portal/"), "aud": "dezky-portal",
            "azp": "dezky-portal", "sub": subject, "email": email, "email_verified": false, "name": email,
            "preferred_username": email, "scope": "openid profile email", "iat": now, "auth_time": now,
            "exp": now + TOKEN_SECONDS, "jti": uuid::Uuid::new_v4(),
        });
        let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::EdDSA);
        header.kid = Some(KEY_ID.to_owned());
        let key = jsonwebtoken::EncodingKey::from_ed_der(&key);
        let token = jsonwebtoken::encode(&header, &claims, &key).context("sign a token")?;
        Api::new(self.address()?, &token)
    }
}

#[expect(clippy::disallowed_methods, reason = "a token is made now")]
fn now_seconds() -> i64 {
    jiff::Timestamp::now().as_second()
}
