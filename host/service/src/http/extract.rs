//! Bodies, queries and paths as arguments of handlers; what is wrong with them is answered as a [`Problem`].

use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Number, Value};

use crate::http::Problem;

/// A JSON body, of requests and of answers.
#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

/// The query of a URL.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

/// The variable parts of a path.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let axum::Json(mut body) =
            axum::Json::<Value>::from_request(request, state).await.map_err(|rejection| of_body(&rejection))?;
        with_integers(&mut body);
        let read = serde_json::from_value(body).map_err(|error| Problem::invalid("invalid_body", error.to_string()));
        read.map(Self).map_err(|problem| problem.help("see the body's schema in /api/docs"))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Query::from_request_parts(parts, state).await;
        let read = read.map_err(|rejection| Problem::invalid("invalid_query", rejection.body_text()));
        read.map(|query| Self(query.0)).map_err(|problem| problem.help("see the parameters in /api/docs"))
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // what can't be read can't be the name of anything
        let read = axum::extract::Path::from_request_parts(parts, state).await;
        read.map(|path| Self(path.0)).map_err(|_| Problem::not_found("path"))
    }
}

fn of_body(rejection: &JsonRejection) -> Problem {
    let (status, detail) = (rejection.status(), rejection.body_text());
    match rejection {
        JsonRejection::MissingJsonContentType(_) => Problem::new(status, "unsupported_media_type", detail)
            .help("send the header `Content-Type: application/json`"),
        JsonRejection::JsonSyntaxError(_) => Problem::new(StatusCode::BAD_REQUEST, "malformed_json", detail),
        _ if status == StatusCode::PAYLOAD_TOO_LARGE => Problem::new(status, "body_too_large", detail),
        _ => Problem::new(StatusCode::BAD_REQUEST, "unreadable_body", detail),
    }
}

/// To JSON, and so to clients, 85.0 is an integer.
fn with_integers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(integer) = integer_of(number) {
                *number = integer;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(with_integers),
        Value::Object(entries) => entries.values_mut().for_each(with_integers),
        _ => {}
    }
}

/// Of a float that stands for one integer and no other: below 2^53.
fn integer_of(number: &Number) -> Option<Number> {
    const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
    let float = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() < MAX_EXACT)?;
    Some(Number::from(float as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn integral_floats_are_integers() {
        let mut value = json!({"a": 85.0, "b": [-3.0, 0.5, 1e300], "c": "1.0", "d": 7});
        with_integers(&mut value);
        assert_eq!(value, json!({"a": 85, "b": [-3, 0.5, 1e300], "c": "1.0", "d": 7}));
    }

    #[tokio::test]
    async fn bodies_that_can_not_be_read_are_problems() {
        let read = |media_type: &str, body: &str| {
            let request = Request::builder().header("content-type", media_type).body(body.to_owned().into()).unwrap();
            async { Json::<Vec<u8>>::from_request(request, &()).await.map(|json| json.0) }
        };
        assert_eq!(read("application/json", "[1.0, 2]").await.unwrap(), [1, 2]);
        for (media_type, body, status, code) in [
            ("text/plain", "[]", 415, "unsupported_media_type"),
            ("application/json", "[", 400, "malformed_json"),
            ("application/json", "[300]", 422, "invalid_body"),
        ] {
            let problem = read(media_type, body).await.unwrap_err();
            assert_eq!((problem.0.status, problem.0.code.as_str()), (status, code));
        }
    }
}
