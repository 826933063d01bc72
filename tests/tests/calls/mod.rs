//! The table of operations: how each is called on something of one user's, and what each kind of caller is answered.

use std::cell::Cell;

use reqwest::Method;
use scene3d_tests::client::Client;
use scene3d_tests::forged_token::Forged;
use scene3d_tests::server::{PASSWORD, Server, USER};
use scene3d_tests::small_scene;
use serde_json::{Value, json};

/// How an operation is called.
pub struct Call {
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Body,
    /// What the user whose things they are is answered.
    pub user: u16,
    /// Another user.
    pub other: u16,
    /// An admin.
    pub admin: u16,
    /// Scopes with which it is refused; none where every token will do.
    pub without_scope: Option<&'static [&'static str]>,
}

/// A request's body.
pub enum Body {
    None,
    Json(Value),
    Bytes(Vec<u8>),
    File(Vec<u8>),
}

/// Things of a user.
pub struct World {
    pub user_id: String,
    /// What signs tokens.
    pub secret: String,
    pub refresh_token: String,
    client: Client,
    upload: String,
    sha256: String,
    job: String,
    deliveries: Vec<String>,
    /// Jobs to delete, and how many were.
    spare_jobs: Vec<String>,
    num_taken: Cell<usize>,
}

const READ: Option<&[&str]> = Some(&[]);
const WRITE: Option<&[&str]> = Some(&["jobs:read"]);

/// Callers that really delete a job: the user and the admin; every other one must leave it.
const NUM_SPARE: usize = 8;

impl World {
    pub fn new(server: &Server) -> Self {
        let client = server.client(USER);
        let photos: Vec<(&str, &[u8])> = ["anns-secret-1.jpg", "anns-secret-2.jpg"]
            .into_iter()
            .zip(small_scene().images.iter().map(|image| image.jpeg.as_slice()))
            .collect();
        let upload = client.upload(&photos);
        let detail = client.get(&format!("/api/v1/uploads/{upload}")).expect_status(200).json();
        let sha256 = detail["images"][0]["sha256"].as_str().unwrap().to_owned();
        let told = json!({ "webhook_url": "http://127.0.0.1:9/anns-secret" });
        let (job, second) = (client.start_job(&upload, &told), client.start_job(&upload, &told));
        let spare_jobs: Vec<String> = (0..NUM_SPARE).map(|_| client.start_job(&upload, &json!({}))).collect();
        for job in spare_jobs.iter().chain([&job, &second]) {
            let ended = client.ended_job(job);
            assert_eq!(ended["state"], "succeeded", "{ended:#}");
        }
        let log_in = server.anonymous().post("/api/v1/auth/token", &json!({ "user": USER, "password": PASSWORD }));
        let secrets = std::fs::read_to_string(server.path("data/token-secrets")).unwrap();
        Self {
            user_id: user_id(server),
            secret: secrets.trim().split_once(' ').unwrap().1.to_owned(),
            refresh_token: log_in.json()["refresh_token"].as_str().unwrap().to_owned(),
            deliveries: dead_deliveries(&client, 2),
            client,
            upload,
            sha256,
            job,
            spare_jobs,
            num_taken: Cell::new(0),
        }
    }

    /// What nobody else may hear of.
    pub fn private_words(&self) -> Vec<&str> {
        let ids = [&self.upload, &self.sha256, &self.job, &self.user_id].map(String::as_str);
        ids.into_iter().chain(["anns-secret"]).chain(self.spare_jobs.iter().map(String::as_str)).collect()
    }

    /// Tokens that must be refused, and none.
    pub fn refused_tokens(&self, server: &Server) -> Vec<(&'static str, Option<String>, &'static str)> {
        let right = || Forged::right(server, &self.user_id);
        let wrong = |token: String| Some(token);
        vec![
            ("no token", None, "missing_token"),
            ("no bearer's token", Some("x".to_owned()), "invalid_token"),
            ("an expired token", wrong(right().claim("exp", 1_000_000_000).signed()), "token_expired"),
            ("a token of tomorrow", wrong(right().claim("nbf", 32_503_680_000_u64).signed()), "invalid_token"),
            ("another audience", wrong(right().claim("aud", "elsewhere").signed()), "invalid_token"),
            ("another issuer", wrong(right().claim("iss", "elsewhere").signed()), "invalid_token"),
            ("no audience", wrong(right().without("aud").signed()), "invalid_token"),
            ("no end", wrong(right().without("exp").signed()), "invalid_token"),
            ("another key", wrong(right().secret(&[7; 32]).signed()), "invalid_token"),
            ("a key that is not there", wrong(right().header("kid", "other").signed()), "invalid_token"),
            ("alg none", wrong(right().header("alg", "none").unsigned()), "invalid_token"),
            ("alg none, signed", wrong(right().header("alg", "none").signed()), "invalid_token"),
            ("alg RS256", wrong(right().header("alg", "RS256").signed()), "invalid_token"),
            ("alg HS512", wrong(right().header("alg", "HS512").signed()), "invalid_token"),
            ("no signature", wrong(right().unsigned()), "invalid_token"),
            ("no such user", wrong(right().claim("sub", "user_nobody").signed()), "invalid_token"),
        ]
    }

    /// # Panics
    /// If the table lacks the operation.
    pub fn call(&self, operation: &str) -> Call {
        let job = |rest: &str| format!("/api/v1/jobs/{}{rest}", self.job);
        let list = |path: &str| read(format!("/api/v1{path}"), 200, 200);
        match operation {
            "list_plugins" => list("/plugins"),
            "get_plugin" => list("/plugins/dummy-mapper"),
            "list_configs" => list("/configs"),
            "check_config" => list("/configs/check").json(json!({ "config": "dummy" })),
            "get_limits" => list("/limits"),
            "list_uploads" => list("/uploads"),
            "list_images" => list("/images"),
            "list_jobs" => list("/jobs"),
            "list_deliveries" => list("/webhooks/deliveries"),
            "get_upload" => read(format!("/api/v1/uploads/{}", self.upload), 200, 404),
            "get_image" => read(format!("/api/v1/images/{}", self.sha256), 200, 404),
            "get_job" => read(job(""), 200, 404),
            "job_events" => read(job("/events"), 200, 404),
            "job_logs" => read(job("/logs"), 200, 404),
            "list_artifacts" => read(job("/artifacts"), 200, 404),
            "get_artifact" => read(job("/artifacts/report.json"), 200, 404),
            "get_thumbnail" => read(job("/thumbnails/anns-secret-1.jpg"), 200, 404),
            "make_link" => read(job("/links"), 201, 404).json(json!({ "name": "report.json" })),
            "metrics" => Call { admin: 200, ..read("/metrics".into(), 403, 403) },
            "webhook_secret" => write("/api/v1/webhooks/secret".to_owned(), 200, 200),
            "create_upload" => Call {
                body: Body::File(small_scene().images[2].jpeg.clone()),
                ..write("/api/v1/uploads".into(), 201, 201)
            },
            "delete_upload" => write(format!("/api/v1/uploads/{}", self.fresh_tus_upload()), 204, 404),
            "create_job" => {
                let body = json!({ "upload_id": self.upload, "config": "dummy" });
                Call { admin: 404, ..write("/api/v1/jobs".into(), 202, 404).json(body) }
            }
            // it has ended: what is asked is whether one may, not whether it can be done
            "cancel_job" => write(job("/cancel"), 409, 404),
            "retry_job" => write(job("/retry"), 202, 404).json(json!({})),
            "delete_job" => write(format!("/api/v1/jobs/{}", self.spare_job()), 204, 404),
            "retry_delivery" => self.retry_delivery(),
            // there is no baseline
            "drift_baseline" => read("/api/v1/drift/baseline".into(), 404, 404),
            "check_drift" => read("/api/v1/drift/check".into(), 404, 404).json(json!({ "upload_id": self.upload })),
            "tus_options" => Call { without_scope: None, ..read("/api/v1/tus".into(), 204, 204) },
            "tus_create" => write("/api/v1/tus".into(), 201, 201).tus(&[("upload-length", "10")]),
            "tus_head" => write(format!("/api/v1/tus/{}", self.fresh_tus_upload()), 200, 404).tus(&[]),
            "tus_terminate" => write(format!("/api/v1/tus/{}", self.fresh_tus_upload()), 204, 404).tus(&[]),
            "tus_patch" => self.piece(&[]),
            "tus_post_instead" => self.piece(&[("x-http-method-override", "PATCH")]),
            _ => unreachable!("the operation `{operation}` has no entry in this table: who may call it, and on what?"),
        }
    }

    fn piece(&self, more: &[(&'static str, &str)]) -> Call {
        let headers = [&[("upload-offset", "0"), ("content-type", "application/offset+octet-stream")], more].concat();
        let path = format!("/api/v1/tus/{}", self.fresh_tus_upload());
        Call { body: Body::Bytes(b"12345".to_vec()), ..write(path, 204, 404).tus(&headers) }
    }

    fn fresh_tus_upload(&self) -> String {
        let announced = self.client.request(Method::POST, "/api/v1/tus").header("tus-resumable", "1.0.0");
        let answer = self.client.send(announced.header("upload-length", "10")).expect_status(201);
        answer.header("location").rsplit('/').next().unwrap().to_owned()
    }

    /// Each call another one.
    fn spare_job(&self) -> &str {
        let num_taken = self.num_taken.replace(self.num_taken.get() + 1);
        &self.spare_jobs[num_taken.min(NUM_SPARE - 1)]
    }

    /// A dead one for everyone who revives it: the last two calls are the user's and the admin's.
    fn retry_delivery(&self) -> Call {
        let dead = dead_deliveries(&self.client, 1);
        let id = dead.first().unwrap_or(&self.deliveries[0]);
        write(format!("/api/v1/webhooks/deliveries/{id}/retry"), 202, 404)
    }
}

fn read(path: String, user: u16, other: u16) -> Call {
    Call { path, headers: Vec::new(), body: Body::None, user, other, admin: user, without_scope: READ }
}

fn write(path: String, user: u16, other: u16) -> Call {
    Call { without_scope: WRITE, ..read(path, user, other) }
}

impl Call {
    fn json(self, body: Value) -> Self {
        Self { body: Body::Json(body), ..self }
    }

    fn tus(mut self, headers: &[(&'static str, &str)]) -> Self {
        let said = headers.iter().chain(&[("tus-resumable", "1.0.0")]);
        self.headers.extend(said.map(|(name, value)| (*name, (*value).to_owned())));
        self
    }
}

fn user_id(server: &Server) -> String {
    let users: Value = serde_json::from_slice(&server.user_command(&["list", "--json"]).stdout).unwrap();
    let user = users.as_array().unwrap().iter().find(|user| user["name"] == USER).unwrap();
    user["id"].as_str().unwrap().to_owned()
}

fn dead_deliveries(client: &Client, num: usize) -> Vec<String> {
    for _ in 0..600 {
        let listed = client.get("/api/v1/webhooks/deliveries?state=dead").expect_status(200).json();
        let listed = listed["deliveries"].as_array().unwrap();
        if listed.len() >= num {
            return listed.iter().map(|delivery| delivery["id"].as_str().unwrap().to_owned()).collect();
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    unreachable!("fewer than {num} deliveries died");
}
