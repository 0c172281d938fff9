//! The hash chain: one leaf per event, one link per commit, over exactly the bytes that are stored.

use sha2::{Digest as _, Sha256};

const LEAF: &str = "dezky-event-1";
const SALT_DIGITS: usize = 32;

/// What a leaf covers, as text columns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leaf<'event> {
    pub(crate) stream: &'event str,
    pub(crate) version: u64,
    pub(crate) kind: &'event str,
    pub(crate) recorded_at: &'event str,
    pub(crate) actor: &'event str,
    pub(crate) command_id: &'event str,
    pub(crate) meta: &'event str,
    pub(crate) data: &'event str,
    pub(crate) personal_digest: &'event str,
}

impl Leaf<'_> {
    /// Every part behind its length, so that no two events share their bytes.
    pub(crate) fn hash(&self) -> String {
        let version = self.version.to_string();
        let mut hash = Sha256::new();
        for part in [
            LEAF,
            self.stream,
            &version,
            self.kind,
            self.recorded_at,
            self.actor,
            self.command_id,
            self.meta,
            self.data,
            self.personal_digest,
        ] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        hex::encode(hash.finalize())
    }
}

/// The next link: everything before, and the leaves of one commit in the order of positions.
pub(crate) fn link<'leaf>(chain: &str, leaves: impl IntoIterator<Item = &'leaf str>) -> String {
    let mut hash = Sha256::new();
    hash.update(chain.as_bytes());
    for leaf in leaves {
        hash.update(leaf.as_bytes());
    }
    hex::encode(hash.finalize())
}

/// The stored form of a personal section: salted, because the digest stays when the section is erased, and a name is
/// easily guessed.
pub(crate) fn seal_personal(salt: &str, fields: &str) -> String {
    debug_assert_eq!(salt.len(), SALT_DIGITS, "a salt has a fixed length");
    format!("{salt}{fields}")
}

/// The fields of a stored personal section.
pub(crate) fn personal_fields(stored: &str) -> Option<&str> {
    stored.get(SALT_DIGITS..)
}

/// What the chain covers in place of a personal section.
pub(crate) fn personal_digest(stored: Option<&str>) -> String {
    stored.map_or_else(String::new, |stored| hex::encode(Sha256::digest(stored.as_bytes())))
}
