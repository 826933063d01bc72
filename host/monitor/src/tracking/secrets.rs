//! What must not be recorded: values under names of secrets, and values that look like one wherever they stand.

/// Words of a key that name a secret.
const WORDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "secrets",
    "token",
    "credential",
    "credentials",
    "apikey",
    "authorization",
    "cookie",
];
/// Kinds of keys that are secrets: `api_key`, `private-key`.
const KINDS_OF_KEYS: &[&str] = &["api", "private", "access", "secret", "signing", "encryption", "auth"];
/// How well-known tokens begin.
const TOKEN_HEADS: &[&str] = &[
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "sk-",
    "hf_",
    "AKIA",
    "ASIA",
    "Bearer ",
    "Basic ",
];

/// Whether a parameter or tag must not be recorded.
pub fn is_secret(key: &str, value: &str, secret_keys: &[String]) -> bool {
    secret_keys.iter().any(|secret| secret == key) || names_secret(key) || looks_secret(value)
}

/// `webhook.token`, `aws_secret_access_key`, `dbPassword`; not `max_tokens`.
fn names_secret(key: &str) -> bool {
    let words = words(key);
    let is_secret_key = |pair: &[String]| pair[1] == "key" && KINDS_OF_KEYS.contains(&pair[0].as_str());
    words.iter().any(|word| WORDS.contains(&word.as_str())) || words.windows(2).any(is_secret_key)
}

fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for char in key.chars() {
        if (!char.is_alphanumeric() || (char.is_uppercase() && was_lower))
            && words.last().is_some_and(|word| !word.is_empty())
        {
            words.push(String::new());
        }
        if char.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(char.to_lowercase());
        }
        was_lower = char.is_lowercase();
    }
    words
}

/// A private key, a URL with a password, a JSON web token, or a token with a known head.
fn looks_secret(value: &str) -> bool {
    let is_token = |head: &&str| value.strip_prefix(*head).is_some_and(|rest| rest.len() >= 12 && !rest.contains(' '));
    value.contains("-----BEGIN") && value.contains("PRIVATE KEY")
        || has_password(value)
        || is_web_token(value)
        || TOKEN_HEADS.iter().any(is_token)
}

/// `scheme://user:password@host`.
fn has_password(value: &str) -> bool {
    value.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#', ' ']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    })
}

/// RFC 7519: three parts of base64url, the first an object.
fn is_web_token(value: &str) -> bool {
    let parts: Vec<&str> = value.trim().split('.').collect();
    let is_base64url = |part: &&str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    parts.len() == 3 && parts[0].starts_with("eyJ") && parts.iter().all(is_base64url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_found_by_their_words() {
        for key in [
            "password",
            "webhook.token",
            "aws_secret_access_key",
            "dbPassword",
            "services/x/API-KEY",
            "auth.credentials",
        ] {
            assert!(is_secret(key, "x", &[]), "{key}");
        }
        for key in [
            "features.0.extractor.max_keypoints",
            "max_tokens",
            "tokenizer",
            "keypoint_threshold",
            "passes",
            "monkey",
            "",
        ] {
            assert!(!is_secret(key, "x", &[]), "{key}");
        }
        assert!(is_secret("licence", "x", &["licence".to_owned()]));
    }

    #[test]
    fn secrets_are_found_by_their_looks() {
        for value in [
            "-----BEGIN RSA PRIVATE KEY-----\nMII",
            "postgres://scene3d:hunter2@db:5432/x",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl",
            "ghp_0123456789abcdef0123",
        ] {
            assert!(is_secret("note", value, &[]), "{value}");
        }
        for value in ["https://example.org/a@b:c", "1.2.3", "aliked+lightglue", "sk-ip", "user@example.org", "basic"] {
            assert!(!is_secret("note", value, &[]), "{value}");
        }
    }
}
