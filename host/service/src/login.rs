//! Log-in: who shows a password, an API key or a refresh token gets an access token.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::clock::{millis, now_ms};
use crate::config::AuthSection;
use crate::error::{Result, ServiceError};
use crate::guessing::Guessing;
use crate::passwords::{MAX_PASSWORD_BYTES, Passwords};
use crate::rates::network;
use crate::scope::Scope;
use crate::secrets::{Secrets, hex, random_hex};
use crate::store::Store;
use crate::store::api_keys::ApiKey;
use crate::store::refresh_tokens::{RefreshToken, Rotation};
use crate::store::users::User;
use crate::tokens;

/// Lets people and programs in.
pub struct Login {
    store: Store,
    secrets: Arc<Secrets>,
    auth: AuthSection,
    passwords: Passwords,
    guessing: Guessing,
}

/// What somebody who is in gets.
pub struct LoggedIn {
    /// A JWT.
    pub access_token: String,
    /// What it lets its bearer do.
    pub scopes: Vec<Scope>,
    /// For the next log-in.
    pub refresh_token: Option<String>,
}

/// Why somebody does not get in.
#[derive(Debug)]
pub enum LoginFault {
    /// What he showed is not right; the word is for logs and metrics and tells him nothing.
    Wrong(&'static str),
    /// There were too many failures: for so long nothing is even looked at.
    Wait(Duration),
    /// He asked for more than these, which he may have.
    Scopes(Vec<Scope>),
    /// The service could not tell.
    Service(ServiceError),
}

impl From<ServiceError> for LoginFault {
    fn from(error: ServiceError) -> Self {
        Self::Service(error)
    }
}

impl Login {
    /// With no failures so far.
    ///
    /// # Errors
    /// [`ServiceError::Internal`].
    pub fn new(store: Store, secrets: Arc<Secrets>, auth: AuthSection) -> Result<Self> {
        Ok(Self { store, secrets, auth, passwords: Passwords::new()?, guessing: Guessing::default() })
    }

    /// By name and password. A name that there is not takes as long as a wrong password.
    ///
    /// # Errors
    /// [`LoginFault`].
    pub async fn by_password(
        &self,
        address: IpAddr,
        (name, password): (String, String),
        asked: Option<&[Scope]>,
    ) -> Result<LoggedIn, LoginFault> {
        if name.len() > MAX_NAME_BYTES || password.len() > MAX_PASSWORD_BYTES {
            return Err(LoginFault::Wrong("password"));
        }
        let address = network(address);
        self.guessing.begin(Some(&name), address).map_err(LoginFault::Wait)?;
        let found = self.store.user_by_name(&name).await?;
        let hash = found.as_ref().map(|found| found.password_hash.clone());
        if !self.passwords.is_right(password, hash).await? {
            return Err(LoginFault::Wrong("password"));
        }
        let user = found.map(|found| found.user).filter(|user| !user.is_disabled);
        let user = user.ok_or(LoginFault::Wrong("disabled"))?;
        self.guessing.succeeded(Some(&name), address);
        let scopes = narrowed(&user.scopes, asked)?;
        self.with_refresh_token(&user, scopes).await
    }

    /// By API key.
    ///
    /// # Errors
    /// [`LoginFault`].
    pub async fn by_api_key(
        &self,
        address: IpAddr,
        api_key: &str,
        asked: Option<&[Scope]>,
    ) -> Result<LoggedIn, LoginFault> {
        let address = network(address);
        self.guessing.begin(None, address).map_err(LoginFault::Wait)?;
        let (key, user) = self.owner(api_key).await?.ok_or(LoginFault::Wrong("api_key"))?;
        self.guessing.succeeded(None, address);
        let held: Vec<Scope> = key.scopes.into_iter().filter(|scope| scope.is_within(&user.scopes)).collect();
        let scopes = narrowed(&held, asked)?;
        Ok(LoggedIn { access_token: self.access_token(&user, &scopes)?, scopes, refresh_token: None })
    }

    /// By refresh token, which the next one replaces.
    ///
    /// # Errors
    /// [`LoginFault`].
    pub async fn by_refresh_token(
        &self,
        address: IpAddr,
        token: &str,
        asked: Option<&[Scope]>,
    ) -> Result<LoggedIn, LoginFault> {
        let address = network(address);
        self.guessing.begin(None, address).map_err(LoginFault::Wait)?;
        let (next, expires_at) = (random_hex(), self.refresh_expires_at());
        let rotation = self.store.rotate_refresh_token(&sha256_hex(token), &sha256_hex(&next), expires_at).await?;
        let kept = match rotation {
            Rotation::Rotated(kept) => kept,
            Rotation::Reused => return Err(LoginFault::Wrong("refresh_token_reused")),
            Rotation::Unknown => return Err(LoginFault::Wrong("refresh_token")),
        };
        let user = self.store.user(&kept.user_id).await?.filter(|user| !user.is_disabled);
        let user = user.ok_or(LoginFault::Wrong("disabled"))?;
        self.guessing.succeeded(None, address);
        let held: Vec<Scope> = kept.scopes.into_iter().filter(|scope| scope.is_within(&user.scopes)).collect();
        let scopes = narrowed(&held, asked)?;
        Ok(LoggedIn { access_token: self.access_token(&user, &scopes)?, scopes, refresh_token: Some(next) })
    }

    /// Ends a refresh token and all that came of its log-in.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn end(&self, refresh_token: &str) -> Result<()> {
        self.store.revoke_refresh_token(&sha256_hex(refresh_token)).await
    }

    async fn with_refresh_token(&self, user: &User, scopes: Vec<Scope>) -> Result<LoggedIn, LoginFault> {
        let token = random_hex();
        let kept = RefreshToken {
            sha256: sha256_hex(&token),
            family: crate::ids::new_id("login"),
            user_id: user.id.clone(),
            scopes: scopes.clone(),
            expires_at: self.refresh_expires_at(),
        };
        self.store.add_refresh_token(&kept).await?;
        Ok(LoggedIn { access_token: self.access_token(user, &scopes)?, scopes, refresh_token: Some(token) })
    }

    /// The key as it is kept, and its user, if both hold.
    async fn owner(&self, api_key: &str) -> Result<Option<(ApiKey, User)>> {
        let Some((id, secret)) = api_key.split_once('.') else { return Ok(None) };
        let key = self.store.api_key(id).await?.filter(|key| key.revoked_at.is_none());
        // hashes of random secrets: how long the comparison takes says nothing of a secret
        let Some(key) = key.filter(|key| key.secret_sha256 == sha256_hex(secret)) else { return Ok(None) };
        let user = self.store.user(&key.user_id).await?.filter(|user| !user.is_disabled);
        Ok(user.map(|user| (key, user)))
    }

    fn access_token(&self, user: &User, scopes: &[Scope]) -> Result<String> {
        tokens::issue(&self.secrets, &self.auth, &user.id, scopes)
    }

    fn refresh_expires_at(&self) -> i64 {
        now_ms().saturating_add(millis(Duration::from_secs(self.auth.refresh_token_secs)))
    }
}

/// The longest name of a user.
pub const MAX_NAME_BYTES: usize = 64;

/// A new API key: what is kept of it, and the key itself, which nobody can ask for again.
#[must_use]
pub fn new_api_key(user_id: &str, label: &str, scopes: &[Scope]) -> (ApiKey, String) {
    let (id, secret) = (crate::ids::new_id("key"), random_hex());
    let api_key = format!("{id}.{secret}");
    let kept = ApiKey {
        id,
        user_id: user_id.to_owned(),
        label: label.to_owned(),
        scopes: scopes.to_vec(),
        secret_sha256: sha256_hex(&secret),
        created_at: now_ms(),
        revoked_at: None,
    };
    (kept, api_key)
}

fn narrowed(held: &[Scope], asked: Option<&[Scope]>) -> Result<Vec<Scope>, LoginFault> {
    match asked {
        None => Ok(held.to_vec()),
        Some(asked) if asked.iter().all(|scope| scope.is_within(held)) => Ok(asked.to_vec()),
        Some(_) => Err(LoginFault::Scopes(held.to_vec())),
    }
}

fn sha256_hex(text: &str) -> String {
    hex(&Sha256::digest(text))
}
