//! API keys of users: a program's way to a token. Of the key itself only a hash is kept.

use sqlx::FromRow;

use super::Store;
use crate::clock::now_ms;
use crate::error::{Result, ServiceError};
use crate::scope::Scope;

/// A key, without what is secret of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// `key_...`, the part of the key that may be shown.
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    /// What it is for, for people.
    pub label: String,
    /// What it lets its bearer do, as far as the user may.
    pub scopes: Vec<Scope>,
    /// sha256 of the secret part, lower-case hex.
    pub secret_sha256: String,
    /// When it was made.
    pub created_at: i64,
    /// When it ended.
    pub revoked_at: Option<i64>,
}

#[derive(FromRow)]
struct Row {
    id: String,
    user_id: String,
    label: String,
    scopes: String,
    secret_sha256: String,
    created_at: i64,
    revoked_at: Option<i64>,
}

impl TryFrom<Row> for ApiKey {
    type Error = ServiceError;

    fn try_from(row: Row) -> Result<Self> {
        let Row { id, user_id, label, scopes, secret_sha256, created_at, revoked_at } = row;
        let scopes = Scope::parse_list(&scopes).map_err(ServiceError::bad_row("API key"))?;
        Ok(Self { id, user_id, label, scopes, secret_sha256, created_at, revoked_at })
    }
}

impl Store {
    /// Keeps a new key.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn add_api_key(&self, key: &ApiKey) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO api_keys (id, user_id, label, secret_sha256, scopes, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&key.id)
        .bind(&key.user_id)
        .bind(&key.label)
        .bind(&key.secret_sha256)
        .bind(Scope::write_list(&key.scopes))
        .bind(key.created_at)
        .execute(tx.db())
        .await
        .map_err(ServiceError::database("add an API key"))?;
        tx.commit().await
    }

    /// A key by its id, revoked or not.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn api_key(&self, id: &str) -> Result<Option<ApiKey>> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT id, user_id, label, scopes, secret_sha256, created_at, revoked_at FROM api_keys WHERE id = $1",
        )
        .bind(id)
        .fetch_optional(self.reader())
        .await
        .map_err(ServiceError::database("read an API key"))?;
        row.map(ApiKey::try_from).transpose()
    }

    /// The keys of a user, oldest first.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn api_keys(&self, user_id: &str) -> Result<Vec<ApiKey>> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT id, user_id, label, scopes, secret_sha256, created_at, revoked_at FROM api_keys \
             WHERE user_id = $1 ORDER BY id",
        )
        .bind(user_id)
        .fetch_all(self.reader())
        .await
        .map_err(ServiceError::database("list API keys"))?;
        rows.into_iter().map(ApiKey::try_from).collect()
    }

    /// Ends a key; whether there was one to end.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn revoke_api_key(&self, id: &str) -> Result<bool> {
        let mut tx = self.begin().await?;
        let ended = sqlx::query("UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL")
            .bind(id)
            .bind(now_ms())
            .execute(tx.db())
            .await
            .map_err(ServiceError::database("revoke an API key"))?;
        tx.commit().await?;
        Ok(ended.rows_affected() == 1)
    }
}
