//! JSON Web Tokens written by hand (RFC 7515), right and wrong: by no code of the service.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::server::Server;

/// A token before it is signed.
#[derive(Debug, Clone)]
pub struct Forged {
    /// `alg`, `kid`.
    pub header: Value,
    /// `iss`, `aud`, `sub`, ...
    pub claims: Value,
    /// What signs it.
    pub secret: Vec<u8>,
}

impl Forged {
    /// One that holds, of this user, signed by the server's own key.
    ///
    /// # Panics
    /// If the server has no file of secrets.
    #[must_use]
    pub fn right(server: &Server, user_id: &str) -> Self {
        let file = std::fs::read_to_string(server.path("data/token-secrets")).unwrap_or_default();
        let (kid, secret) = file.trim().split_once(' ').unwrap_or_default();
        assert!(!secret.is_empty(), "the server has no file of secrets");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self {
            header: json!({ "alg": "HS256", "typ": "JWT", "kid": kid }),
            claims: json!({
                "iss": "scene3d", "aud": "scene3d-api", "sub": user_id, "jti": "token_forged",
                "scopes": ["jobs:read", "jobs:write"], "iat": now, "nbf": now, "exp": now + 600,
            }),
            secret: secret.as_bytes().to_vec(),
        }
    }

    /// With another value in the header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header[name] = value.into();
        self
    }

    /// With another claim.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims[name] = value.into();
        self
    }

    /// Without a claim.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.claims.as_object_mut().and_then(|claims| claims.remove(name));
        self
    }

    /// With another secret.
    #[must_use]
    pub fn secret(mut self, secret: &[u8]) -> Self {
        self.secret = secret.to_vec();
        self
    }

    /// Signed by HMAC-SHA256, whatever the header says.
    #[must_use]
    pub fn signed(&self) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(&self.secret).map(|mac| mac.chain_update(self.body()).finalize());
        let mac = mac.map(|mac| mac.into_bytes().to_vec()).unwrap_or_default();
        format!("{}.{}", self.body(), BASE64_URL_SAFE_NO_PAD.encode(mac))
    }

    /// With nothing behind the last dot.
    #[must_use]
    pub fn unsigned(&self) -> String {
        format!("{}.", self.body())
    }

    fn body(&self) -> String {
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}", part(&self.header), part(&self.claims))
    }
}
