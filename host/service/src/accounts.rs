//! Users and their API keys as an operator keeps them, from a shell.

use tokio::runtime::Runtime;

use crate::config::ServiceConfig;
use crate::error::{Result, ServiceError};
use crate::login::{MAX_NAME_BYTES, new_api_key};
use crate::passwords::{self, MAX_PASSWORD_BYTES, MIN_PASSWORD_CHARS};
use crate::scope::Scope;
use crate::store::Store;
use crate::store::api_keys::ApiKey;
use crate::store::users::User;

/// The users of a store; a server may run meanwhile.
pub struct Accounts {
    runtime: Runtime,
    store: Store,
}

impl Accounts {
    /// Opens the store of a service.
    ///
    /// # Errors
    /// It can't be opened.
    pub fn open(config: &ServiceConfig) -> Result<Self> {
        let data_dir = &config.storage.data_dir;
        std::fs::create_dir_all(data_dir).map_err(ServiceError::io("create", data_dir))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(ServiceError::io("start threads for", data_dir))?;
        let store = runtime.block_on(Store::open(&config.storage.database_url()))?;
        Ok(Self { runtime, store })
    }

    /// Adds a user.
    ///
    /// # Errors
    /// [`ServiceError::Config`] if there is one of that name, or name or password can't be.
    pub fn add(&self, name: &str, password: &str, scopes: &[Scope]) -> Result<User> {
        check_name(name)?;
        check_password(password)?;
        let added = self.runtime.block_on(self.store.add_user(name, &passwords::hash(password)?, scopes))?;
        added.ok_or_else(|| ServiceError::Config(format!("there is a user `{name}` already")))
    }

    /// Everyone, by name.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub fn list(&self) -> Result<Vec<User>> {
        self.runtime.block_on(self.store.users())
    }

    /// Accepts nothing of a user any more.
    ///
    /// # Errors
    /// [`ServiceError::Config`] if there is no such user.
    pub fn disable(&self, name: &str) -> Result<()> {
        let user = self.user(name)?;
        self.runtime.block_on(self.store.disable_user(&user.id))
    }

    /// Accepts a user again.
    ///
    /// # Errors
    /// [`ServiceError::Config`] if there is no such user.
    pub fn enable(&self, name: &str) -> Result<()> {
        let user = self.user(name)?;
        self.runtime.block_on(self.store.enable_user(&user.id))
    }

    /// Gives a user another password.
    ///
    /// # Errors
    /// [`ServiceError::Config`] if there is no such user, or the password can't be.
    pub fn set_password(&self, name: &str, password: &str) -> Result<()> {
        check_password(password)?;
        let user = self.user(name)?;
        self.runtime.block_on(self.store.set_password(&user.id, &passwords::hash(password)?))
    }

    /// Makes an API key; without scopes it has those of its user. What is returned is all that there is of it.
    ///
    /// # Errors
    /// [`ServiceError::Config`] if there is no such user, or he lacks one of the scopes.
    pub fn add_key(&self, name: &str, label: &str, scopes: &[Scope]) -> Result<String> {
        let user = self.user(name)?;
        let scopes = if scopes.is_empty() { &user.scopes } else { scopes };
        if let Some(scope) = scopes.iter().find(|scope| !scope.is_within(&user.scopes)) {
            return Err(ServiceError::Config(format!("`{name}` lacks the scope `{}` himself", scope.name())));
        }
        let (kept, api_key) = new_api_key(&user.id, label, scopes);
        self.runtime.block_on(self.store.add_api_key(&kept))?;
        Ok(api_key)
    }

    /// The API keys of a user.
    ///
    /// # Errors
    /// [`ServiceError::Config`] if there is no such user.
    pub fn keys(&self, name: &str) -> Result<Vec<ApiKey>> {
        let user = self.user(name)?;
        self.runtime.block_on(self.store.api_keys(&user.id))
    }

    /// Ends an API key by its id.
    ///
    /// # Errors
    /// [`ServiceError::Config`] if there is none that holds.
    pub fn revoke_key(&self, id: &str) -> Result<()> {
        // a key may be given whole: what is behind the dot is its secret
        let id = id.split('.').next().unwrap_or(id);
        if self.runtime.block_on(self.store.revoke_api_key(id))? {
            return Ok(());
        }
        Err(ServiceError::Config(format!("there is no key `{id}` that holds; see `scene3d user key list`")))
    }

    fn user(&self, name: &str) -> Result<User> {
        let found = self.runtime.block_on(self.store.user_by_name(name))?.map(|found| found.user);
        found.ok_or_else(|| ServiceError::Config(format!("there is no user `{name}`; see `scene3d user list`")))
    }
}

fn check_name(name: &str) -> Result<()> {
    let is_char = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
    if (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(is_char) {
        return Ok(());
    }
    let expected = format!("expected 1 to {MAX_NAME_BYTES} letters of a to z, digits, `-`, `_`, `.` or `@`");
    Err(ServiceError::Config(format!("`{name}` can't be a user's name: {expected}")))
}

fn check_password(password: &str) -> Result<()> {
    if password.chars().count() >= MIN_PASSWORD_CHARS && password.len() <= MAX_PASSWORD_BYTES {
        return Ok(());
    }
    let expected = format!("expected at least {MIN_PASSWORD_CHARS} characters and at most {MAX_PASSWORD_BYTES} bytes");
    Err(ServiceError::Config(format!("the password is too short or too long: {expected}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts(folder: &std::path::Path) -> Accounts {
        let mut config = ServiceConfig::default();
        config.storage.data_dir = folder.to_owned();
        Accounts::open(&config).unwrap()
    }

    #[test]
    fn users_are_added_once_and_listed() {
        let folder = tempfile::tempdir().unwrap();
        let accounts = accounts(folder.path());
        accounts.add("ann", "correct horse", &[Scope::JobsRead]).unwrap();
        assert!(accounts.add("ann", "correct horse", &[]).unwrap_err().to_string().contains("already"));
        assert!(accounts.add("a b", "correct horse", &[]).unwrap_err().to_string().contains("a user's name"));
        assert!(accounts.add("bob", "short", &[]).unwrap_err().to_string().contains("too short"));
        accounts.disable("ann").unwrap();
        assert!(accounts.list().unwrap()[0].is_disabled);
        accounts.enable("ann").unwrap();
        assert!(!accounts.list().unwrap()[0].is_disabled);
        assert!(accounts.disable("bob").is_err());
    }

    #[test]
    fn keys_can_no_more_than_their_user_and_end_once() {
        let folder = tempfile::tempdir().unwrap();
        let accounts = accounts(folder.path());
        accounts.add("ann", "correct horse", &[Scope::JobsRead]).unwrap();
        assert!(accounts.add_key("ann", "ci", &[Scope::Admin]).is_err());
        let key = accounts.add_key("ann", "ci", &[]).unwrap();
        assert_eq!(accounts.keys("ann").unwrap()[0].scopes, [Scope::JobsRead]);
        accounts.revoke_key(&key).unwrap();
        assert!(accounts.revoke_key(&key).is_err());
    }
}
