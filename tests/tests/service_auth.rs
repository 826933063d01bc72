//! Who may do what: every operation of the OpenAPI document, by every kind of caller. An operation that the table below does
//! not know fails the test, so that none can be forgotten.

use std::collections::BTreeSet;

use reqwest::Method;
use scene3d_tests::client::{Answer, Client};
use scene3d_tests::forged_token::Forged;
use scene3d_tests::server::{ADMIN, OTHER_USER, Server, USER};
use serde_json::Value;

use crate::calls::{Body, Call, World};

/// Operations that need no token: they are how to get one, bring a proof of their own, or tell how the server is.
const PUBLIC: [&str; 6] = ["create_token", "refresh_token", "revoke_token", "follow_link", "healthz", "readyz"];

/// Paths beside the document's.
const PUBLIC_PATHS: [&str; 2] = ["/api/v1/openapi.json", "/api/docs/"];

#[test]
fn every_operation_by_every_caller() {
    let server = Server::start("webhooks.max_attempts = 1");
    let world = World::new(&server);
    let operations = operations(&server);
    assert!(operations.len() > 30, "{operations:?}");
    let mut public = BTreeSet::new();
    for (operation, method, is_public) in &operations {
        if *is_public {
            public.insert(operation.as_str());
            continue;
        }
        check_refusals(&server, &world, operation, method);
        check_other_user(&server, &world, operation, method);
        check_scopes(&server, &world, operation, method);
        for user in [USER, ADMIN] {
            let call = world.call(operation);
            let expected = if user == USER { call.user } else { call.admin };
            let answer = send(&server.client(user), method, &call);
            assert_eq!(answer.status, expected, "{operation} by {user}: {}", answer.text());
        }
    }
    assert_eq!(public, BTreeSet::from(PUBLIC));
    for path in PUBLIC_PATHS {
        assert_eq!(server.anonymous().get(path).status, 200, "{path}");
    }
    check_log_keeps_secrets(&server, &world);
}

/// Nobody, and tokens of which one thing is wrong.
fn check_refusals(server: &Server, world: &World, operation: &str, method: &Method) {
    let call = world.call(operation);
    for (what, token, code) in world.refused_tokens(server) {
        let client = match token {
            Some(token) => server.anonymous().with_token(&token),
            None => server.anonymous(),
        };
        let answer = send(&client, method, &call);
        assert_eq!(answer.status, 401, "{operation} with {what}: {}", answer.text());
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{operation} with {what}");
        if *method != Method::HEAD {
            let _ = answer.expect_problem(401, code);
        }
    }
    let forged = server.anonymous().with_token(&Forged::right(server, &world.user_id).signed());
    assert_ne!(send(&forged, method, &world.call(operation)).status, 401, "what is forged right must hold");
}

/// What belongs to somebody else is as if it were not there.
fn check_other_user(server: &Server, world: &World, operation: &str, method: &Method) {
    let call = world.call(operation);
    let answer = send(&server.client(OTHER_USER), method, &call);
    assert_eq!(answer.status, call.other, "{operation} by {OTHER_USER}: {}", answer.text());
    for secret in world.private_words() {
        assert!(!answer.text().contains(secret), "{operation} tells {OTHER_USER} of {secret}: {}", answer.text());
    }
}

/// A token that may only read does not write, one without scopes does nothing.
fn check_scopes(server: &Server, world: &World, operation: &str, method: &Method) {
    let call = world.call(operation);
    let Some(lacking) = call.without_scope else { return };
    let token = Forged::right(server, &world.user_id).claim("scopes", lacking.to_vec()).signed();
    let answer = send(&server.anonymous().with_token(&token), method, &call);
    assert_eq!(answer.status, 403, "{operation} with {lacking:?}: {}", answer.text());
    if *method != Method::HEAD {
        let _ = answer.expect_problem(403, "missing_scope");
    }
}

fn check_log_keeps_secrets(server: &Server, world: &World) {
    let log = server.log();
    assert!(log.contains("\"route\":\"/api/v1/jobs/{id}\""), "{log}");
    let token = server.client(USER).token().to_owned();
    for secret in [scene3d_tests::server::PASSWORD, &token, &token[..40], &world.secret, world.refresh_token.as_str()] {
        assert!(!log.contains(secret), "the log holds {secret}");
    }
}

fn send(client: &Client, method: &Method, call: &Call) -> Answer {
    let mut request = client.request(method.clone(), &call.path);
    for (name, value) in &call.headers {
        request = request.header(*name, value);
    }
    client.send(match &call.body {
        Body::None => request,
        Body::Json(body) => request.json(body),
        Body::Bytes(bytes) => request.body(bytes.clone()),
        Body::File(bytes) => {
            // in one piece: the client gives up where a server refuses a form that it still reads
            let head = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"photo.jpg\"\r\n\r\n";
            let form = [head.as_bytes(), bytes, b"\r\n--b--\r\n"].concat();
            request.header("content-type", "multipart/form-data; boundary=b").body(form)
        }
    })
}

/// Id, method, and whether the document says that no token is needed.
fn operations(server: &Server) -> Vec<(String, Method, bool)> {
    let document = server.anonymous().get("/api/v1/openapi.json").expect_status(200).json();
    let mut operations = Vec::new();
    for item in document["paths"].as_object().unwrap().values() {
        for (method, operation) in item.as_object().unwrap() {
            let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) else { continue };
            let is_public = operation["security"].as_array().is_some_and(Vec::is_empty);
            operations.push((operation["operationId"].as_str().unwrap().to_owned(), method, is_public));
        }
    }
    let ids: BTreeSet<_> = operations.iter().map(|(id, ..)| id).collect();
    assert_eq!(ids.len(), operations.len(), "two operations have one id");
    assert_eq!(document["openapi"], Value::from("3.1.0"));
    operations
}
