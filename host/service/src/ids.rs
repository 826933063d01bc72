//! Ids of users, uploads, jobs: a word that says whose id it is, and a UUID that counts up with time (RFC 9562, version 7).

use uuid::Uuid;

/// `<word>_<32 hex digits>`; later ones sort behind earlier ones.
#[must_use]
pub fn new_id(word: &str) -> String {
    format!("{word}_{}", Uuid::now_v7().simple())
}
