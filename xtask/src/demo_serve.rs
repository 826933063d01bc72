//! `cargo xtask demo --serve`: a service with its page, a user, and the sample scene reconstructed; until Ctrl-C.

use std::fs;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use scene3d_fetch::sha256;
use serde_json::{Value, json};

use crate::demo::sample_photos;
use crate::workspace::Workspace;
use crate::{build, command};

const USER: &str = "demo";
const CONFIG: &str = "aliked+lightglue";

/// Builds, serves, reconstructs, and prints a link that works.
pub fn run(workspace: &Workspace) -> Result<()> {
    build::run(workspace)?;
    let program = workspace.release_dir().join("scene3d");
    let (photos, _) = sample_photos(workspace, &program)?;
    let folder = workspace.root.join("out/serve");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let password = new_password()?;
    write_config(workspace, &folder)?;
    set_password(&program, &folder, &password)?;
    let (mut server, url) = start(&program, &folder)?;
    let job = Service::log_in(&url, &password).and_then(|service| service.reconstruct(&photos));
    match &job {
        Ok(job) => print_link(&url, &password, job),
        Err(_) => server.kill().unwrap_or_default(),
    }
    let ended = server.wait().context("lost the server")?;
    job?;
    if ended.success() { Ok(()) } else { bail!("the server ended ({ended}); see {}", folder.join("log").display()) }
}

fn print_link(url: &str, password: &str, job: &str) {
    println!();
    println!("page      {url}/jobs/{job}");
    println!("name      {USER}");
    println!("password  {password}");
    println!("it runs until Ctrl-C");
}

/// Of the system's randomness, new at every start.
fn new_password() -> Result<String> {
    let mut random = [0; 32];
    let read = File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut random));
    read.context("cannot read /dev/urandom for a password")?;
    Ok(sha256::of_bytes(&random)[..16].to_owned())
}

fn write_config(workspace: &Workspace, folder: &Path) -> Result<()> {
    let configs = workspace.root.join("configs");
    let config = format!("server.bind = \"127.0.0.1:0\"\njobs.config_dirs = [{configs:?}]\n");
    fs::write(folder.join("serve.toml"), config).context("cannot write serve.toml")
}

/// Of the user of an earlier start, or of a new one.
fn set_password(program: &Path, folder: &Path, password: &str) -> Result<()> {
    let user = |arguments: &[&str]| {
        let mut user = Command::new(program);
        user.current_dir(folder).arg("user").args(arguments).args(["--config", "serve.toml", "--data-dir", "data"]);
        user
    };
    let known: Value = serde_json::from_str(&command::read(&mut user(&["list", "--json"]))?)?;
    let is_known = known.as_array().into_iter().flatten().any(|known| known["name"] == USER);
    let mut set = user(if is_known { &["passwd", USER] } else { &["add", USER] });
    send(&mut set, password).map(drop)
}

/// The server, and where it listens.
fn start(program: &Path, folder: &Path) -> Result<(Child, String)> {
    let log = File::create(folder.join("log")).context("cannot write the server's log")?;
    let mut serve = Command::new(program);
    serve.current_dir(folder).args(["serve", "--config", "serve.toml", "--data-dir", "data"]);
    let mut server = serve.stdout(Stdio::piped()).stderr(log).spawn().context("cannot start the server")?;
    let said = server.stdout.take().map(first_line).transpose()?.unwrap_or_default();
    match said.trim().strip_prefix("listening on ") {
        Some(url) => Ok((server, url.to_owned())),
        None => {
            server.wait().ok();
            bail!("the server did not start; see {}", folder.join("log").display())
        }
    }
}

fn first_line(stdout: ChildStdout) -> Result<String> {
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).context("cannot read what the server says")?;
    Ok(line)
}

/// The API by curl, which set-up needs anyway.
struct Service {
    api: String,
    /// As a header; never an argument, which others can read.
    authorization: String,
}

impl Service {
    fn log_in(url: &str, password: &str) -> Result<Self> {
        let api = format!("{url}/api/v1");
        let mut ask = Command::new("curl");
        ask.args(["--silent", "--show-error", "--fail-with-body", "--json", "@-"]).arg(format!("{api}/auth/token"));
        let answer: Value = serde_json::from_str(&send(&mut ask, &json!({"user": USER, "password": password}))?)?;
        let token = answer["access_token"].as_str().context("the server gave no token")?;
        Ok(Self { authorization: format!("Authorization: Bearer {token}"), api })
    }

    /// Uploads photos, asks for a job, waits for its end.
    fn reconstruct(&self, photos: &Path) -> Result<String> {
        let mut forms = Vec::new();
        for photo in photos.read_dir().with_context(|| format!("cannot read {}", photos.display()))? {
            forms.extend(["--form".to_owned(), format!("file=@{}", photo?.path().display())]);
        }
        let upload = self.call("/uploads", &forms)?;
        let body = json!({ "upload_id": upload["id"], "config": CONFIG }).to_string();
        let job = self.call("/jobs", &["--json".to_owned(), body])?;
        let id = job["id"].as_str().context("the server gave no job")?.to_owned();
        let mut shown = String::new();
        loop {
            let job = self.call(&format!("/jobs/{id}"), &[])?;
            let (state, stage) = (job["state"].as_str().unwrap_or_default(), job["stage"].as_str().unwrap_or_default());
            if shown != format!("{state} {stage}") {
                shown = format!("{state} {stage}");
                println!("reconstruction: {shown}");
            }
            match state {
                "succeeded" => return Ok(id),
                "failed" | "cancelled" => bail!("the reconstruction {state}: {}", job["failure"]["message"]),
                _ => std::thread::sleep(Duration::from_millis(500)),
            }
        }
    }

    fn call(&self, path: &str, arguments: &[String]) -> Result<Value> {
        let mut ask = Command::new("curl");
        ask.args(["--silent", "--show-error", "--fail-with-body", "--header", "@-"]);
        ask.args(arguments).arg(format!("{}{path}", self.api));
        Ok(serde_json::from_str(&send(&mut ask, &self.authorization)?)?)
    }
}

/// Runs a program with a text as its input; gives what it writes.
fn send(program: &mut Command, text: &(impl ToString + ?Sized)) -> Result<String> {
    let name = program.get_program().to_string_lossy().into_owned();
    let captured = program.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = captured.spawn().with_context(|| format!("cannot start {name}"))?;
    if let Some(mut input) = child.stdin.take() {
        input
            .write_all(format!("{}\n", text.to_string()).as_bytes())
            .with_context(|| format!("{name} reads nothing"))?;
    }
    let output = child.wait_with_output().with_context(|| format!("lost {name}"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() { Ok(said) } else { bail!("{name} failed ({}): {said}", output.status) }
}
