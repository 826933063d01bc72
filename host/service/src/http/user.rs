//! Who calls: from the token of a request to a user and what he may do.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::http::{App, Problem};
use crate::scope::Scope;
use crate::tokens::{self, TokenFault};

/// The user who sent a request; an argument of handlers.
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
        if scope.is_within(&self.scopes) {
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

    /// Whether he may do everything.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.scopes.contains(&Scope::Admin)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| unauthorized("missing_token", "the request has no token"))
    }
}

/// Layer of every route but the public ones: lets those through whom their token makes a [`Caller`].
///
/// # Errors
/// 401 with the reason; 429 past the user's rate.
pub async fn authenticate(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Result<Response, Problem> {
    let caller = caller(&app, request.headers()).await?;
    app.rates.take_of_user(&caller.user_id).map_err(Problem::rate_limited)?;
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

async fn caller(app: &App, headers: &HeaderMap) -> Result<Caller, Problem> {
    let token = bearer(headers).ok_or_else(|| unauthorized("missing_token", "the request has no token"))?;
    let claims = tokens::check(&app.secrets, &app.config.auth, token).map_err(|fault| {
        app.auth_failed(fault.reason());
        of_fault(fault)
    })?;
    // read every time: who was disabled is out at once, and so is what a user may no longer do
    let user = app.store.user(&claims.sub).await?.filter(|user| !user.is_disabled);
    let Some(user) = user else {
        app.auth_failed("token_of_no_user");
        return Err(unauthorized("invalid_token", "the token's user can't use the service any more"));
    };
    let scopes = claims.scopes.into_iter().filter(|scope| scope.is_within(&user.scopes)).collect();
    Ok(Caller { user_id: user.id, scopes })
}

/// The token that a request shows. RFC 6750, 2.1; the scheme's case does not matter (RFC 9110, 11.1).
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn of_fault(fault: TokenFault) -> Problem {
    match fault {
        TokenFault::Expired => unauthorized("token_expired", "the token is over"),
        _ => unauthorized("invalid_token", "the token does not hold here"),
    }
}

fn unauthorized(code: &str, detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, code, detail)
        .help("send `Authorization: Bearer TOKEN` with a token of POST /api/v1/auth/token or /api/v1/auth/refresh")
}
