//! What tests of the store need.

use super::Store;

/// Adds a user who can't log in; his id is his name.
///
/// # Panics
/// If he can't be added.
pub async fn add_user(store: &Store, name: &str) {
    let added = sqlx::query(
        "INSERT INTO users (id, name, password_hash, scopes, webhook_secret, created_at) VALUES ($1, $1, '', '', 'secret', 0)",
    )
    .bind(name)
    .execute(store.reader())
    .await;
    added.unwrap();
}
