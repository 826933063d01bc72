//! Who calls: from the token of a request to a user and what he may do.

use crate::http::Problem;
use axum::http::StatusCode;

/// What a token lets its bearer do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// See jobs, images and artifacts.
    JobsRead,
    /// Upload images, start, cancel and delete jobs.
    JobsWrite,
    /// See and do everything of everyone.
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
}

/// The user who sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// `user_...`
    pub user_id: String,
    /// What his token lets him do.
    pub scopes: Vec<Scope>,
}

impl Caller {
    /// # Errors
    /// 403 `missing_scope` if the token does not let him do that.
    pub fn require(&self, scope: Scope) -> Result<(), Problem> {
        if self.scopes.contains(&scope) || self.is_admin() {
            return Ok(());
        }
        let detail = format!("the token lacks the scope `{}`", scope.name());
        Err(Problem::new(StatusCode::FORBIDDEN, "missing_scope", detail).help("ask for a token with that scope"))
    }

    /// Whether what belongs to that user is his to see; what is not answers 404, as if it were not there.
    #[must_use]
    pub fn may_see(&self, owner_id: &str) -> bool {
        self.user_id == owner_id || self.is_admin()
    }

    fn is_admin(&self) -> bool {
        self.scopes.contains(&Scope::Admin)
    }
}
