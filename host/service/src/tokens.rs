//! Access tokens: JWTs by HS256, short-lived, checked strictly (RFC 8725).

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};

use crate::clock::now_ms;
use crate::config::AuthSection;
use crate::error::{Result, ServiceError};
use crate::scope::Scope;
use crate::secrets::Secrets;

/// Clocks of several servers may differ by this.
const LEEWAY_SECS: u64 = 5;

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who made it.
    pub iss: String,
    /// For whom it is.
    pub aud: String,
    /// Id of the user.
    pub sub: String,
    /// Its own id.
    pub jti: String,
    /// What it lets its bearer do.
    pub scopes: Vec<Scope>,
    /// Seconds since the epoch at which it ends.
    pub exp: u64,
    /// When it was made.
    pub iat: u64,
    /// From when on it holds.
    pub nbf: u64,
}

/// Why a token does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenFault {
    /// It is no token.
    Malformed,
    /// It is signed by something else than HS256, or by nothing.
    Algorithm,
    /// It names no key, or one that is not there.
    UnknownKey,
    /// The signature is not that of the key.
    Signature,
    /// It is over.
    Expired,
    /// It does not hold yet.
    NotYet,
    /// Another issuer made it.
    Issuer,
    /// It is for somebody else.
    Audience,
}

impl TokenFault {
    /// For logs and metrics.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "token_malformed",
            Self::Algorithm => "token_algorithm",
            Self::UnknownKey => "token_unknown_key",
            Self::Signature => "token_signature",
            Self::Expired => "token_expired",
            Self::NotYet => "token_not_yet",
            Self::Issuer => "token_issuer",
            Self::Audience => "token_audience",
        }
    }
}

/// Makes a token for a user.
///
/// # Errors
/// [`ServiceError::Internal`].
pub fn issue(secrets: &Secrets, auth: &AuthSection, user_id: &str, scopes: &[Scope]) -> Result<String> {
    let now = u64::try_from(now_ms() / 1000).unwrap_or_default();
    let claims = Claims {
        iss: auth.issuer.clone(),
        aud: auth.audience.clone(),
        sub: user_id.to_owned(),
        jti: crate::ids::new_id("token"),
        scopes: scopes.to_vec(),
        exp: now + auth.access_token_secs,
        iat: now,
        nbf: now,
    };
    let key = secrets.signing();
    let header = Header { kid: Some(key.kid.clone()), ..Header::new(Algorithm::HS256) };
    encode(&header, &claims, &EncodingKey::from_secret(key.secret()))
        .map_err(|error| ServiceError::Internal(format!("a token could not be signed: {error}")))
}

/// What a token says, if it holds.
///
/// # Errors
/// Why it does not.
pub fn check(secrets: &Secrets, auth: &AuthSection, token: &str) -> Result<Claims, TokenFault> {
    let header = decode_header(token).map_err(|error| match error.kind() {
        // `none` is no algorithm that the library knows
        ErrorKind::InvalidAlgorithmName | ErrorKind::Json(_) => TokenFault::Algorithm,
        _ => TokenFault::Malformed,
    })?;
    if header.alg != Algorithm::HS256 {
        return Err(TokenFault::Algorithm);
    }
    let key = header.kid.and_then(|kid| secrets.get(&kid)).ok_or(TokenFault::UnknownKey)?;
    let decoded = decode::<Claims>(token, &DecodingKey::from_secret(key.secret()), &rules(auth));
    decoded.map(|token| token.claims).map_err(|error| fault(error.kind()))
}

fn rules(auth: &AuthSection) -> Validation {
    let mut rules = Validation::new(Algorithm::HS256);
    rules.set_issuer(&[&auth.issuer]);
    rules.set_audience(&[&auth.audience]);
    rules.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
    rules.validate_nbf = true;
    rules.leeway = LEEWAY_SECS;
    rules
}

fn fault(kind: &ErrorKind) -> TokenFault {
    match kind {
        ErrorKind::InvalidSignature => TokenFault::Signature,
        ErrorKind::ExpiredSignature => TokenFault::Expired,
        ErrorKind::ImmatureSignature => TokenFault::NotYet,
        ErrorKind::InvalidIssuer => TokenFault::Issuer,
        ErrorKind::InvalidAudience => TokenFault::Audience,
        ErrorKind::InvalidAlgorithm => TokenFault::Algorithm,
        _ => TokenFault::Malformed,
    }
}
