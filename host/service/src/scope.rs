//! What users, keys and tokens may do.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{Result, ServiceError};

/// What a token lets its bearer do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub enum Scope {
    /// See jobs, images and artifacts.
    #[serde(rename = "jobs:read")]
    JobsRead,
    /// Upload images, start, cancel and delete jobs.
    #[serde(rename = "jobs:write")]
    JobsWrite,
    /// See and do everything of everyone.
    #[serde(rename = "admin")]
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::JobsRead, Self::JobsWrite, Self::Admin];

    /// As in tokens.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::JobsRead => "jobs:read",
            Self::JobsWrite => "jobs:write",
            Self::Admin => "admin",
        }
    }

    /// Of names with commas or spaces between, as people and the store write them.
    ///
    /// # Errors
    /// [`ServiceError::Config`] with the name that is none.
    pub fn parse_list(text: &str) -> Result<Vec<Self>> {
        let names = text.split([',', ' ']).filter(|name| !name.is_empty());
        let mut scopes = names.map(Self::parse).collect::<Result<Vec<_>>>()?;
        scopes.sort_unstable();
        scopes.dedup();
        Ok(scopes)
    }

    /// Names with spaces between.
    #[must_use]
    pub fn write_list(scopes: &[Self]) -> String {
        scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(" ")
    }

    /// Whether one who holds these scopes may act by this one.
    #[must_use]
    pub fn is_within(self, held: &[Self]) -> bool {
        held.contains(&self) || held.contains(&Self::Admin)
    }

    fn parse(name: &str) -> Result<Self> {
        let known = || Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|scope| scope.name() == name);
        found.ok_or_else(|| ServiceError::Config(format!("unknown scope `{name}`; scopes there are: {}", known())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_they_are_written() {
        let scopes = Scope::parse_list("jobs:write,jobs:read jobs:read").unwrap();
        assert_eq!(scopes, [Scope::JobsRead, Scope::JobsWrite]);
        assert_eq!(Scope::parse_list(&Scope::write_list(&scopes)).unwrap(), scopes);
        assert!(Scope::parse_list("job:read").unwrap_err().to_string().contains("jobs:read"));
    }

    #[test]
    fn admins_may_act_by_every_scope() {
        assert!(Scope::JobsWrite.is_within(&[Scope::Admin]));
        assert!(!Scope::JobsWrite.is_within(&[Scope::JobsRead]));
        assert!(!Scope::Admin.is_within(&[Scope::JobsRead, Scope::JobsWrite]));
    }
}
