//! The OpenAPI document: what all operations have in common is written into it here, so that none can lack it.

use serde_json::json;
use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa_axum::router::OpenApiRouter;

use crate::http::problem::{PROBLEM_JSON, ProblemBody};
use crate::http::queries::DeliveryState;
use crate::thumbnails::ThumbnailSize;

/// Name of the security scheme.
const BEARER: &str = "bearer";

/// Problems that any operation may answer, by status.
const PROBLEMS: [(u16, &str); 12] = [
    (400, "The request can't be read."),
    (401, "The request has no token that holds."),
    (403, "The token lacks a scope."),
    (404, "There is no such thing, or it belongs to somebody else."),
    (405, "The path does not know the method."),
    (408, "The request took too long."),
    (413, "The body is larger than allowed."),
    (415, "The body is of another media type than expected."),
    (422, "The request has mistakes."),
    (429, "More requests than allowed; the header Retry-After says how long to wait."),
    (500, "A bug; the log tells more under the id in the header x-request-id."),
    (503, "The storage does not answer; try again."),
];

/// What stands above the operations.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "scene3d",
        description = "Photos in, 3D scene out: uploads, jobs, artifacts. Errors are RFC 9457 problems with a stable `code`."
    ),
    // what only parameters name is not found by itself
    components(schemas(ProblemBody, DeliveryState, ThumbnailSize))
)]
pub struct Document;

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everyone.
    Public,
    /// Whoever has a token.
    Bearer,
}

/// Adds to each operation of a router the problems it may answer and who may call it.
#[must_use]
pub fn documented<S: Clone + Send + Sync + 'static>(mut router: OpenApiRouter<S>, access: Access) -> OpenApiRouter<S> {
    let document = router.get_openapi_mut();
    document.paths.paths.values_mut().flat_map(operations).for_each(|operation| complete(operation, access));
    router
}

/// The security scheme and the problems that [`documented`] refers to.
pub fn add_components(document: &mut utoipa::openapi::OpenApi) {
    let components = document.components.get_or_insert_with(Components::new);
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    components.add_security_scheme(BEARER, SecurityScheme::Http(bearer));
    for (status, description) in PROBLEMS {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).example(Some(
            json!({ "type": "about:blank", "title": "…", "status": status, "code": "…", "detail": "…" }),
        ));
        let response = ResponseBuilder::new().description(description).content(PROBLEM_JSON, content.build()).build();
        components.responses.insert(name(status), RefOr::T(response));
    }
}

/// OpenAPI knows no parameter that spans slashes: it is named as any other, and clients encode the slashes or not.
pub fn name_wildcards(document: &mut utoipa::openapi::OpenApi) {
    let paths = std::mem::take(&mut document.paths.paths);
    document.paths.paths = paths.into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, options, head, patch, trace, .. } = item;
    [get, put, post, delete, options, head, patch, trace].into_iter().flatten()
}

fn complete(operation: &mut Operation, access: Access) {
    operation.security = Some(match access {
        Access::Public => Vec::new(),
        Access::Bearer => vec![SecurityRequirement::new::<_, [&str; 0], &str>(BEARER, [])],
    });
    for status in statuses(operation, access) {
        let answer = || RefOr::Ref(Ref::from_response_name(name(status)));
        operation.responses.responses.entry(status.to_string()).or_insert_with(answer);
    }
}

fn statuses(operation: &Operation, access: Access) -> Vec<u16> {
    let has = |place: &ParameterIn| {
        let is_there = |parameter: &Parameter| parameter.parameter_in == *place;
        operation.parameters.iter().flatten().any(is_there)
    };
    let mut statuses = vec![408, 429, 500, 503];
    if access == Access::Bearer {
        statuses.extend([401, 403]);
    }
    if has(&ParameterIn::Path) {
        statuses.push(404);
    }
    if has(&ParameterIn::Query) {
        statuses.push(422);
    }
    if operation.request_body.is_some() {
        statuses.extend([400, 413, 415, 422]);
    }
    statuses
}

fn name(status: u16) -> String {
    format!("Problem{status}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use serde_json::Value;

    use crate::http::document;

    /// The page's types and checks are generated from the committed document.
    #[test]
    fn the_page_is_made_for_this_document() {
        let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../frontend/openapi.json");
        let text = std::fs::read_to_string(&committed).unwrap_or_default();
        let current = document().to_pretty_json().unwrap() + "\n";
        let line = text.lines().zip(current.lines()).position(|(old, new)| old != new);
        assert!(
            text == current,
            "frontend/openapi.json is not the document of this API (first difference in line {}): renew it, and the \
             page's types, by `cargo xtask frontend --renew-api`",
            line.map_or(text.lines().count(), |index| index) + 1
        );
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let text = document().to_json().unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        let references = text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next());
        let references: BTreeSet<&str> = references.collect();
        assert!(references.len() > 30, "{references:?}");
        let dangling: Vec<_> = references.into_iter().filter(|path| value.pointer(path).is_none()).collect();
        assert!(dangling.is_empty(), "nothing is at {dangling:?}");
    }
}
