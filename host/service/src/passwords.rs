//! Passwords by argon2id, a few at a time: each takes tens of MiB and of milliseconds.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use tokio::sync::Semaphore;

use crate::error::{Result, ServiceError};

/// NIST SP 800-63B, 3.1.1.2: at least 8 characters where there is no second factor, nothing else is asked.
pub const MIN_PASSWORD_CHARS: usize = 8;

/// Beyond that nobody types a password.
pub const MAX_PASSWORD_BYTES: usize = 1024;

/// Makes and checks hashes on threads that may block.
pub struct Passwords {
    permits: Arc<Semaphore>,
    /// Of a password that nobody has: what is checked where there is no such user, so that it takes the same time.
    decoy: String,
}

impl Passwords {
    /// At most half of the cores are kept busy.
    ///
    /// # Errors
    /// [`ServiceError::Internal`].
    pub fn new() -> Result<Self> {
        let num_cores = std::thread::available_parallelism().map_or(1, usize::from);
        let permits = Arc::new(Semaphore::new(num_cores.div_ceil(2)));
        Ok(Self { permits, decoy: hash(&crate::secrets::random_hex())? })
    }

    /// Whether it is the password that was hashed; without a hash never, after the same time.
    ///
    /// # Errors
    /// [`ServiceError::BadRow`] if the hash is none.
    pub async fn is_right(&self, password: String, stored: Option<String>) -> Result<bool> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let (decoy, is_known) = (self.decoy.clone(), stored.is_some());
        let verify = move || {
            let _permit = permit;
            let hash = stored.unwrap_or(decoy);
            let parsed = PasswordHash::new(&hash).map_err(ServiceError::bad_row("password hash"))?;
            Ok(Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok() && is_known)
        };
        let verified = tokio::task::spawn_blocking(verify).await;
        verified.map_err(|error| ServiceError::Internal(format!("a password could not be checked: {error}")))?
    }
}

/// Hashes a password (argon2id, 19 MiB, 2 passes: the parameters of RFC 9106 as OWASP recommends them).
///
/// # Errors
/// [`ServiceError::Internal`].
pub fn hash(password: &str) -> Result<String> {
    let failed = |error: argon2::password_hash::Error| ServiceError::Internal(format!("no password hash: {error}"));
    let salt = SaltString::encode_b64(&rand::random::<[u8; 16]>()).map_err(failed)?;
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt).map_err(failed)?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_itself_is_right() {
        let passwords = Passwords::new().unwrap();
        let stored = hash("correct horse").unwrap();
        assert!(stored.starts_with("$argon2id$"), "{stored}");
        assert!(passwords.is_right("correct horse".to_owned(), Some(stored.clone())).await.unwrap());
        assert!(!passwords.is_right("correct horsf".to_owned(), Some(stored)).await.unwrap());
        assert!(!passwords.is_right("correct horse".to_owned(), None).await.unwrap());
    }
}
