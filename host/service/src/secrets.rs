//! The keys that sign tokens and links: a file with a line each, `KID SECRET`; the first signs, all are accepted.

use std::fmt;
use std::io::Write;
use std::path::Path;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::config::ServiceConfig;
use crate::error::{Result, ServiceError};

/// RFC 7518, 3.2: a key of HS256 has at least as many bytes as the hash.
const MIN_SECRET_BYTES: usize = 32;

/// Name of the file that is made in `data_dir`.
const DEFAULT_FILE: &str = "token-secrets";

/// Every key, the one that signs first.
#[derive(Debug, Clone)]
pub struct Secrets {
    keys: Vec<SecretKey>,
}

/// A key and the name under which tokens say that it signed them.
#[derive(Clone)]
pub struct SecretKey {
    /// Name.
    pub kid: String,
    secret: Vec<u8>,
}

/// A message's authentication code and the key that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Name of the key.
    pub kid: String,
    /// HMAC-SHA256.
    pub mac: Vec<u8>,
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SecretKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl SecretKey {
    /// What signs. Never to be shown.
    #[must_use]
    pub fn secret(&self) -> &[u8] {
        &self.secret
    }
}

impl Secrets {
    /// Reads `auth.secrets_file`, or the file in `data_dir`, which is made where it is missing.
    ///
    /// # Errors
    /// [`ServiceError::Config`] with the line that is wrong; [`ServiceError::Io`].
    pub fn load(config: &ServiceConfig) -> Result<Self> {
        let made = config.storage.data_dir.join(DEFAULT_FILE);
        let path = match &config.auth.secrets_file {
            Some(path) => path,
            None => {
                make_where_missing(&made)?;
                &made
            }
        };
        let text = std::fs::read_to_string(path).map_err(ServiceError::io("read", path))?;
        Self::parse(&text).map_err(|reason| ServiceError::Config(format!("{}: {reason}", path.display())))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
        let keys = lines.map(|(index, line)| key(line).map_err(|reason| format!("line {}: {reason}", index + 1)));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err("there is no key; expected a line `KID SECRET`".to_owned());
        }
        match keys.iter().enumerate().find(|(index, key)| keys[..*index].iter().any(|other| other.kid == key.kid)) {
            Some((_, key)) => Err(format!("the key `{}` is there twice; give each a name of its own", key.kid)),
            None => Ok(Self { keys }),
        }
    }

    /// The key that signs.
    #[must_use]
    pub fn signing(&self) -> &SecretKey {
        &self.keys[0]
    }

    /// A key by its name.
    #[must_use]
    pub fn get(&self, kid: &str) -> Option<&SecretKey> {
        self.keys.iter().find(|key| key.kid == kid)
    }

    /// Signs a message, e.g. a link; what was signed for one purpose holds for no other, and never as a token.
    #[must_use]
    pub fn sign(&self, purpose: &str, message: &[u8]) -> Signature {
        let key = self.signing();
        let mac = purposed(key, purpose).chain_update(message).finalize().into_bytes().to_vec();
        Signature { kid: key.kid.clone(), mac }
    }

    /// Whether [`Self::sign`] made the signature with one of the keys.
    #[must_use]
    pub fn is_signed(&self, purpose: &str, message: &[u8], signature: &Signature) -> bool {
        let key = self.get(&signature.kid);
        key.is_some_and(|key| purposed(key, purpose).chain_update(message).verify_slice(&signature.mac).is_ok())
    }
}

fn purposed(key: &SecretKey, purpose: &str) -> Hmac<Sha256> {
    let derived = keyed(&key.secret).chain_update("scene3d ").chain_update(purpose).finalize().into_bytes();
    keyed(&derived)
}

fn keyed(secret: &[u8]) -> Hmac<Sha256> {
    match Hmac::<Sha256>::new_from_slice(secret) {
        Ok(hmac) => hmac,
        Err(error) => unreachable!("HMAC takes keys of every length: {error}"),
    }
}

fn key(line: &str) -> Result<SecretKey, String> {
    let Some((kid, secret)) = line.trim().split_once(char::is_whitespace) else {
        return Err("expected `KID SECRET`, got one word".to_owned());
    };
    if !is_name(kid) {
        return Err("expected a name of 1 to 64 letters, digits, `-`, `_` or `.` in front of the secret".to_owned());
    }
    let secret = secret.trim().as_bytes().to_vec();
    if secret.len() < MIN_SECRET_BYTES {
        let (kid, got) = (kid.to_owned(), secret.len());
        return Err(format!(
            "the secret of `{kid}` has {got} bytes, expected at least {MIN_SECRET_BYTES}; make one by `openssl rand -hex 32`"
        ));
    }
    Ok(SecretKey { kid: kid.to_owned(), secret })
}

fn is_name(kid: &str) -> bool {
    (1..=64).contains(&kid.len()) && kid.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Written whole under another name first: of two processes that start at once, one makes it and both read it.
fn make_where_missing(path: &Path) -> Result<()> {
    if path.is_file() {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(folder)?; // mode 0600
        let line = format!("{} {}\n", crate::ids::new_id("key"), random_hex());
        file.write_all(line.as_bytes())?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(path) {
            Err(error) if error.error.kind() != std::io::ErrorKind::AlreadyExists => Err(error.error),
            _ => Ok(()),
        }
    };
    write().map_err(ServiceError::io("write", path))
}

/// 32 random bytes as text.
#[must_use]
pub fn random_hex() -> String {
    hex(&rand::random::<[u8; 32]>())
}

/// Bytes as lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn the_first_key_signs_and_all_are_accepted() {
        let old = Secrets::parse(&format!("a {SECRET}\n")).unwrap();
        let new = Secrets::parse(&format!("# rotated\nb {SECRET}2\na {SECRET}\n")).unwrap();
        let signature = old.sign("links", b"x");
        assert!(new.is_signed("links", b"x", &signature));
        assert_eq!(new.sign("links", b"x").kid, "b");
        assert!(!old.is_signed("links", b"x", &new.sign("links", b"x")));
        assert!(!new.is_signed("links", b"y", &signature));
        assert!(!new.is_signed("webhooks", b"x", &signature));
    }

    #[test]
    fn lines_that_are_no_keys_are_refused() {
        for (text, words) in [
            ("", "no key"),
            ("a short", "line 1: the secret of `a` has 5 bytes"),
            ("lonely", "one word"),
            (&format!("a/b {SECRET}"), "expected a name"),
            (&format!("a {SECRET}\na {SECRET}"), "twice"),
        ] {
            let reason = Secrets::parse(text).unwrap_err();
            assert!(reason.contains(words), "{reason}");
        }
    }

    #[test]
    fn the_file_is_made_once_and_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mut config = ServiceConfig::default();
        config.storage.data_dir = folder.path().to_owned();
        let first = Secrets::load(&config).unwrap();
        assert_eq!(Secrets::load(&config).unwrap().signing().kid, first.signing().kid);
        let mode = std::fs::metadata(folder.path().join(DEFAULT_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!format!("{first:?}").contains(&String::from_utf8_lossy(first.signing().secret()).into_owned()));
    }
}
