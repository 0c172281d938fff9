//! The installation's key: made once, at the first migration, and used for every keyed hash.

use std::sync::LazyLock;

use hmac::{Hmac, Mac as _};
use rustls::crypto::SecureRandom;
use schema::Timestamp;
use sha2::Sha256;

use crate::db::{Batch, Db, DbError, Expect};
use crate::{StoreError, chain};

const SECRET_BYTES: usize = 32;

#[derive(Clone)]
pub(crate) struct InstallationKey(Vec<u8>);

impl InstallationKey {
    /// Makes the key unless there is one.
    pub(crate) async fn make(db: &Db, now: Timestamp) -> Result<(), StoreError> {
        let secret = hex::encode(random::<SECRET_BYTES>()?);
        let mut batch = Batch::new();
        batch.run(
            "insert into keys (id, secret, created_at) values ('installation', $1, $2) on conflict (id) do nothing",
            vec![secret.into(), now.to_string().into()],
            Expect::Any,
        );
        db.write(batch).await?;
        Ok(())
    }

    pub(crate) async fn read(db: &Db) -> Result<Self, StoreError> {
        let rows = db.query("select secret from keys where id = 'installation'", &[]).await?;
        let row = rows.first().ok_or_else(|| DbError::new("find the installation's key"))?;
        let secret = hex::decode(row.text(0)?)
            .map_err(|error| DbError::because("read the installation's key", error))?;
        Ok(Self(secret))
    }

    /// HMAC-SHA-256 as hex.
    pub(crate) fn hash(&self, text: &str) -> String {
        // HMAC takes a key of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            panic!("HMAC takes a key of any length")
        };
        mac.update(text.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }
}

/// A personal section as it is stored, with a fresh salt.
pub(crate) fn seal_personal(fields: &str) -> Result<String, StoreError> {
    Ok(chain::seal_personal(&hex::encode(random::<16>()?), fields))
}

/// Secrets and salts are the only things here that nobody may foresee.
fn random<const BYTES: usize>() -> Result<[u8; BYTES], StoreError> {
    // A provider is a list of all its ciphers, made anew at every call.
    static SOURCE: LazyLock<&dyn SecureRandom> =
        LazyLock::new(|| rustls::crypto::aws_lc_rs::default_provider().secure_random);
    let mut bytes = [0; BYTES];
    SOURCE.fill(&mut bytes).map_err(|_| DbError::new("draw random bytes"))?;
    Ok(bytes)
}
