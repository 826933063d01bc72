//! Refresh tokens: each is good for one use; one that is used again ends all that came of its log-in (RFC 9700, 4.14.2).

use sqlx::FromRow;

use super::{Store, Tx};
use crate::clock::now_ms;
use crate::error::{Result, ServiceError};
use crate::scope::Scope;

/// A token by its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// sha256 of the token, lower-case hex.
    pub sha256: String,
    /// The log-in that it comes from.
    pub family: String,
    /// Whose it is.
    pub user_id: String,
    /// What tokens made by it may do.
    pub scopes: Vec<Scope>,
    /// When it ends.
    pub expires_at: i64,
}

/// What became of the use of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotation {
    /// The next one takes its place.
    Rotated(RefreshToken),
    /// It was used before: somebody else has it, so its family ended.
    Reused,
    /// There is none, or it is over.
    Unknown,
}

#[derive(FromRow)]
struct Row {
    family: String,
    user_id: String,
    scopes: String,
    expires_at: i64,
    used_at: Option<i64>,
    revoked_at: Option<i64>,
}

impl Store {
    /// Keeps the token of a log-in.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn add_refresh_token(&self, token: &RefreshToken) -> Result<()> {
        let mut tx = self.begin().await?;
        insert(&mut tx, token).await?;
        tx.commit().await
    }

    /// Uses a token: the one of `next_sha256` takes its place, with the same scopes, until `expires_at`.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn rotate_refresh_token(&self, sha256: &str, next_sha256: &str, expires_at: i64) -> Result<Rotation> {
        let mut tx = self.begin().await?;
        let now = now_ms();
        let used = sqlx::query(
            "UPDATE refresh_tokens SET used_at = $2 \
             WHERE sha256 = $1 AND used_at IS NULL AND revoked_at IS NULL AND expires_at > $2",
        )
        .bind(sha256)
        .bind(now)
        .execute(tx.db())
        .await
        .map_err(ServiceError::database("use a refresh token"))?;
        let Some(row) = read(&mut tx, sha256).await? else { return Ok(Rotation::Unknown) };
        if used.rows_affected() == 1 {
            let scopes = Scope::parse_list(&row.scopes).map_err(ServiceError::bad_row("refresh token"))?;
            let (family, user_id) = (row.family, row.user_id);
            let next = RefreshToken { sha256: next_sha256.to_owned(), family, user_id, scopes, expires_at };
            insert(&mut tx, &next).await?;
            tx.commit().await?;
            return Ok(Rotation::Rotated(next));
        }
        if row.used_at.is_none() || row.revoked_at.is_some() || row.expires_at <= now {
            return Ok(Rotation::Unknown);
        }
        revoke_family(&mut tx, &row.family).await?;
        tx.commit().await?;
        Ok(Rotation::Reused)
    }

    /// Ends a token and all of its log-in; one that is not there is over already.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn revoke_refresh_token(&self, sha256: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        if let Some(row) = read(&mut tx, sha256).await? {
            revoke_family(&mut tx, &row.family).await?;
        }
        tx.commit().await
    }

    /// Forgets tokens that are over.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn drop_expired_refresh_tokens(&self) -> Result<u64> {
        let mut tx = self.begin().await?;
        let dropped = sqlx::query("DELETE FROM refresh_tokens WHERE expires_at <= $1")
            .bind(now_ms())
            .execute(tx.db())
            .await
            .map_err(ServiceError::database("drop refresh tokens"))?;
        tx.commit().await?;
        Ok(dropped.rows_affected())
    }
}

pub(super) async fn revoke_all(tx: &mut Tx, user_id: &str) -> Result<()> {
    sqlx::query("UPDATE refresh_tokens SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL")
        .bind(user_id)
        .bind(now_ms())
        .execute(tx.db())
        .await
        .map(drop)
        .map_err(ServiceError::database("revoke refresh tokens"))
}

async fn revoke_family(tx: &mut Tx, family: &str) -> Result<()> {
    sqlx::query("UPDATE refresh_tokens SET revoked_at = $2 WHERE family = $1 AND revoked_at IS NULL")
        .bind(family)
        .bind(now_ms())
        .execute(tx.db())
        .await
        .map(drop)
        .map_err(ServiceError::database("revoke refresh tokens"))
}

async fn read(tx: &mut Tx, sha256: &str) -> Result<Option<Row>> {
    sqlx::query_as(
        "SELECT family, user_id, scopes, expires_at, used_at, revoked_at FROM refresh_tokens WHERE sha256 = $1",
    )
    .bind(sha256)
    .fetch_optional(tx.db())
    .await
    .map_err(ServiceError::database("read a refresh token"))
}

async fn insert(tx: &mut Tx, token: &RefreshToken) -> Result<()> {
    sqlx::query("INSERT INTO refresh_tokens (sha256, family, user_id, scopes, expires_at) VALUES ($1, $2, $3, $4, $5)")
        .bind(&token.sha256)
        .bind(&token.family)
        .bind(&token.user_id)
        .bind(Scope::write_list(&token.scopes))
        .bind(token.expires_at)
        .execute(tx.db())
        .await
        .map(drop)
        .map_err(ServiceError::database("keep a refresh token"))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn store_with_token(folder: &std::path::Path) -> (Store, RefreshToken) {
        let store = Store::open(&format!("sqlite://{}?mode=rwc", folder.join("s.sqlite3").display())).await.unwrap();
        let user = store.add_user("ann", "hash", &[Scope::JobsRead]).await.unwrap().unwrap();
        let token = RefreshToken {
            sha256: "one".to_owned(),
            family: "f".to_owned(),
            user_id: user.id,
            scopes: user.scopes,
            expires_at: now_ms() + 60_000,
        };
        store.add_refresh_token(&token).await.unwrap();
        (store, token)
    }

    #[tokio::test]
    async fn a_token_used_twice_ends_its_family() {
        let folder = tempfile::tempdir().unwrap();
        let (store, token) = store_with_token(folder.path()).await;
        let next = RefreshToken { sha256: "two".to_owned(), ..token.clone() };
        let later = token.expires_at;
        assert_eq!(store.rotate_refresh_token("one", "two", later).await.unwrap(), Rotation::Rotated(next));
        assert_eq!(store.rotate_refresh_token("one", "three", later).await.unwrap(), Rotation::Reused);
        assert_eq!(store.rotate_refresh_token("two", "four", later).await.unwrap(), Rotation::Unknown);
    }

    #[tokio::test]
    async fn of_many_uses_at_once_one_rotates() {
        let folder = tempfile::tempdir().unwrap();
        let (store, token) = store_with_token(folder.path()).await;
        let uses = (0..10).map(|index| {
            let (store, later) = (store.clone(), token.expires_at);
            async move { store.rotate_refresh_token("one", &format!("next{index}"), later).await.unwrap() }
        });
        let outcomes = futures::future::join_all(uses).await;
        assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Rotation::Rotated(_))).count(), 1);
    }

    #[tokio::test]
    async fn disabled_users_and_changed_passwords_end_tokens() {
        let folder = tempfile::tempdir().unwrap();
        let (store, token) = store_with_token(folder.path()).await;
        store.set_password(&token.user_id, "other").await.unwrap();
        assert_eq!(store.rotate_refresh_token("one", "two", token.expires_at).await.unwrap(), Rotation::Unknown);
    }

    #[tokio::test]
    async fn expired_tokens_are_no_tokens_and_are_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let (store, token) = store_with_token(folder.path()).await;
        let old = RefreshToken { sha256: "old".to_owned(), expires_at: now_ms() - 1, ..token };
        store.add_refresh_token(&old).await.unwrap();
        assert_eq!(store.rotate_refresh_token("old", "two", now_ms() + 1).await.unwrap(), Rotation::Unknown);
        assert_eq!(store.drop_expired_refresh_tokens().await.unwrap(), 1);
    }
}
