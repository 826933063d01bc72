//! Users: who may log in, and what he may do.

use sqlx::FromRow;

use super::Store;
use crate::clock::now_ms;
use crate::error::{Result, ServiceError};
use crate::scope::Scope;

/// Someone who may use the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// `user_...`
    pub id: String,
    /// What he logs in by.
    pub name: String,
    /// What he may do.
    pub scopes: Vec<Scope>,
    /// Whether nothing of his is accepted.
    pub is_disabled: bool,
    /// When he was added.
    pub created_at: i64,
}

/// A user with what only log-in and webhooks read.
#[derive(Clone, PartialEq, Eq)]
pub struct UserSecrets {
    /// Who.
    pub user: User,
    /// argon2id.
    pub password_hash: String,
    /// Signs what his webhooks are sent.
    pub webhook_secret: String,
}

#[derive(FromRow)]
struct Row {
    id: String,
    name: String,
    password_hash: String,
    scopes: String,
    webhook_secret: String,
    disabled: i64,
    created_at: i64,
}

impl TryFrom<Row> for UserSecrets {
    type Error = ServiceError;

    fn try_from(row: Row) -> Result<Self> {
        let Row { id, name, password_hash, scopes, webhook_secret, disabled, created_at } = row;
        let scopes = Scope::parse_list(&scopes).map_err(ServiceError::bad_row("user"))?;
        Ok(Self {
            user: User { id, name, scopes, is_disabled: disabled != 0, created_at },
            password_hash,
            webhook_secret,
        })
    }
}

const ALL: &str =
    "SELECT id, name, password_hash, scopes, webhook_secret, disabled, created_at FROM users ORDER BY name";
const BY_ID: &str =
    "SELECT id, name, password_hash, scopes, webhook_secret, disabled, created_at FROM users WHERE id = $1";
const BY_NAME: &str =
    "SELECT id, name, password_hash, scopes, webhook_secret, disabled, created_at FROM users WHERE name = $1";

impl Store {
    /// Adds a user; `None` if there is one of that name.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn add_user(&self, name: &str, password_hash: &str, scopes: &[Scope]) -> Result<Option<User>> {
        let (id, created_at) = (crate::ids::new_id("user"), now_ms());
        let mut tx = self.begin().await?;
        let added = sqlx::query(
            "INSERT INTO users (id, name, password_hash, scopes, webhook_secret, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING",
        )
        .bind(&id)
        .bind(name)
        .bind(password_hash)
        .bind(Scope::write_list(scopes))
        .bind(crate::secrets::random_hex())
        .bind(created_at)
        .execute(tx.db())
        .await
        .map_err(ServiceError::database("add a user"))?;
        tx.commit().await?;
        let user = User { id, name: name.to_owned(), scopes: scopes.to_vec(), is_disabled: false, created_at };
        Ok((added.rows_affected() == 1).then_some(user))
    }

    /// Everyone, by name.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn users(&self) -> Result<Vec<User>> {
        let rows: Vec<Row> =
            sqlx::query_as(ALL).fetch_all(self.reader()).await.map_err(ServiceError::database("list users"))?;
        rows.into_iter().map(|row| UserSecrets::try_from(row).map(|found| found.user)).collect()
    }

    /// A user by his id.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn user(&self, id: &str) -> Result<Option<User>> {
        Ok(self.user_secrets(BY_ID, id).await?.map(|found| found.user))
    }

    /// A user by his name, with what log-in reads.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn user_by_name(&self, name: &str) -> Result<Option<UserSecrets>> {
        self.user_secrets(BY_NAME, name).await
    }

    /// What signs a user's webhooks.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn webhook_secret(&self, user_id: &str) -> Result<Option<String>> {
        Ok(self.user_secrets(BY_ID, user_id).await?.map(|found| found.webhook_secret))
    }

    /// Accepts nothing of a user any more: his refresh tokens end too.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn disable_user(&self, id: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE users SET disabled = 1 WHERE id = $1")
            .bind(id)
            .execute(tx.db())
            .await
            .map_err(ServiceError::database("disable a user"))?;
        super::refresh_tokens::revoke_all(&mut tx, id).await?;
        tx.commit().await
    }

    /// Accepts a user again.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn enable_user(&self, id: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE users SET disabled = 0 WHERE id = $1")
            .bind(id)
            .execute(tx.db())
            .await
            .map_err(ServiceError::database("enable a user"))?;
        tx.commit().await
    }

    /// Gives a user another password; whoever was logged in by the old one has to log in again.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn set_password(&self, id: &str, password_hash: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE users SET password_hash = $2 WHERE id = $1")
            .bind(id)
            .bind(password_hash)
            .execute(tx.db())
            .await
            .map_err(ServiceError::database("change a password"))?;
        super::refresh_tokens::revoke_all(&mut tx, id).await?;
        tx.commit().await
    }

    async fn user_secrets(&self, statement: &'static str, value: &str) -> Result<Option<UserSecrets>> {
        let row: Option<Row> = sqlx::query_as(statement)
            .bind(value)
            .fetch_optional(self.reader())
            .await
            .map_err(ServiceError::database("read a user"))?;
        row.map(UserSecrets::try_from).transpose()
    }
}
