//! Log-in: a password or an API key for an access token, a refresh token for the next one.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::address::ClientAddress;
use crate::http::extract::Json;
use crate::http::problem::{PROBLEM_JSON, ProblemBody};
use crate::http::{App, Problem};
use crate::login::{LoggedIn, LoginFault};
use crate::scope::Scope;

/// Routes of this file.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(token)).routes(routes!(refresh)).routes(routes!(revoke))
}

/// How somebody shows who he is.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub enum TokenRequest {
    /// By name and password; gives a refresh token too.
    #[schema(title = "Password")]
    Password {
        /// Name of the user.
        #[schema(max_length = 64)]
        user: String,
        /// His password.
        #[schema(max_length = 1024)]
        password: String,
        /// Fewer scopes than he has; by default all.
        scopes: Option<Vec<Scope>>,
    },
    /// By an API key, which itself is what gives the next token.
    #[schema(title = "ApiKey")]
    ApiKey {
        /// As `scene3d user key add` printed it.
        #[schema(max_length = 256)]
        api_key: String,
        /// Fewer scopes than it has; by default all.
        scopes: Option<Vec<Scope>>,
    },
}

/// A refresh token to use.
#[derive(Deserialize, ToSchema)]
pub struct RefreshRequest {
    /// Of the last answer; it is good for one use.
    #[schema(max_length = 256)]
    refresh_token: String,
    /// Fewer scopes than it has; by default all.
    scopes: Option<Vec<Scope>>,
}

/// A refresh token to end.
#[derive(Deserialize, ToSchema)]
pub struct RevokeRequest {
    /// Any of its log-in.
    #[schema(max_length = 256)]
    refresh_token: String,
}

/// Tokens.
#[derive(Serialize, ToSchema)]
pub struct TokenAnswer {
    /// For the header `Authorization: Bearer ...`.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds that the access token holds.
    expires_in: u64,
    /// What it lets its bearer do.
    scopes: Vec<Scope>,
    /// For POST /auth/refresh, once; none after log-in by an API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// Seconds that the refresh token holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_expires_in: Option<u64>,
}

/// Logs in.
///
/// After some failures the wait until the next attempt doubles each time, by user and by address: 429 with Retry-After.
#[utoipa::path(post, path = "/auth/token", tag = "auth", operation_id = "create_token", request_body = TokenRequest,
    responses(
        (status = 200, description = "Tokens.", body = TokenAnswer),
        (status = 401, description = "They are not right.", body = ProblemBody, content_type = PROBLEM_JSON),
        (status = 403, description = "More scopes than may be had.", body = ProblemBody, content_type = PROBLEM_JSON),
    ))]
async fn token(
    State(app): State<Arc<App>>,
    ClientAddress(address): ClientAddress,
    Json(request): Json<TokenRequest>,
) -> Result<Json<TokenAnswer>, Problem> {
    let logged_in = match request {
        TokenRequest::Password { user, password, scopes } => {
            app.login.by_password(address, (user, password), scopes.as_deref()).await
        }
        TokenRequest::ApiKey { api_key, scopes } => app.login.by_api_key(address, &api_key, scopes.as_deref()).await,
    };
    answer(&app, logged_in)
}

/// Takes a refresh token for new tokens.
///
/// The token is good for one use; one that is used again ends all that came of its log-in.
#[utoipa::path(post, path = "/auth/refresh", tag = "auth", operation_id = "refresh_token", request_body = RefreshRequest,
    responses(
        (status = 200, description = "Tokens.", body = TokenAnswer),
        (status = 401, description = "They are not right.", body = ProblemBody, content_type = PROBLEM_JSON),
        (status = 403, description = "More scopes than may be had.", body = ProblemBody, content_type = PROBLEM_JSON),
    ))]
async fn refresh(
    State(app): State<Arc<App>>,
    ClientAddress(address): ClientAddress,
    Json(request): Json<RefreshRequest>,
) -> Result<Json<TokenAnswer>, Problem> {
    answer(&app, app.login.by_refresh_token(address, &request.refresh_token, request.scopes.as_deref()).await)
}

/// Logs out: ends a refresh token and all that came of its log-in. Access tokens that are out hold until they are over.
#[utoipa::path(post, path = "/auth/revoke", tag = "auth", operation_id = "revoke_token", request_body = RevokeRequest,
    responses((status = 204, description = "It is ended, if it was one.")))]
async fn revoke(State(app): State<Arc<App>>, Json(request): Json<RevokeRequest>) -> Result<StatusCode, Problem> {
    app.login.end(&request.refresh_token).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn answer(app: &App, outcome: Result<LoggedIn, LoginFault>) -> Result<Json<TokenAnswer>, Problem> {
    let LoggedIn { access_token, scopes, refresh_token } = outcome.map_err(|fault| of_fault(app, fault))?;
    let auth = &app.config.auth;
    Ok(Json(TokenAnswer {
        access_token,
        token_type: "Bearer",
        expires_in: auth.access_token_secs,
        scopes,
        refresh_expires_in: refresh_token.is_some().then_some(auth.refresh_token_secs),
        refresh_token,
    }))
}

fn of_fault(app: &App, fault: LoginFault) -> Problem {
    match fault {
        LoginFault::Wrong(reason) => {
            app.auth_failed(reason);
            Problem::new(StatusCode::UNAUTHORIZED, "wrong_credentials", "the credentials are not right")
                .help("log in by POST /api/v1/auth/token; the server's operator can set a new password")
        }
        LoginFault::Wait(wait) => {
            app.auth_failed("too_many_attempts");
            let detail = "too many failed attempts by this user or from this address";
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", detail)
                .help("wait as long as the header Retry-After says")
                .retry_after(wait.as_secs().saturating_add(1))
        }
        LoginFault::Scopes(held) => {
            let detail = format!("more scopes were asked for than may be had: {}", Scope::write_list(&held));
            Problem::new(StatusCode::FORBIDDEN, "scopes_refused", detail).help("ask for fewer, or for none to get all")
        }
        LoginFault::Service(error) => error.into(),
    }
}
