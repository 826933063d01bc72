//! `deploy/local.sh` before it starts anything: configs are the containers' with places of this machine, secrets are private and
//! stay, mistakes are told.
#![cfg(target_os = "linux")]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use scene3d_tests::{assert_fails_with, assert_success, checkout, run, stdout};

fn local(folder: &Path, word: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(checkout().join("deploy/local.sh"));
    command.arg(word).env("STACK_DIR", folder).envs(variables.iter().copied());
    run(&mut command)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn files(folder: &Path) -> Vec<(String, String)> {
    let read = |entry: fs::DirEntry| {
        (entry.file_name().to_string_lossy().into_owned(), fs::read_to_string(entry.path()).unwrap())
    };
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().flatten().map(read).collect();
    files.sort();
    files
}

#[test]
fn configs_name_places_of_this_machine_only() {
    let folder = tempfile::tempdir().unwrap();
    assert_success(&local(folder.path(), "configs", &[("STACK_PORT_BASE", "20100"), ("STACK_PORT_PAGE", "29999")]));
    let configs = files(&folder.path().join("configs"));
    assert!(configs.len() >= 8, "{configs:?}");
    for (name, text) in &configs {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        for line in lines {
            for foreign in ["/run/secrets", "0.0.0.0", "scene3d:8000", "mlflow:5000", "postgres:5432", "/opt/airflow"] {
                assert!(!line.contains(foreign), "{name}: {line}");
            }
        }
    }
    let text = |wanted: &str| configs.iter().find(|(name, _)| name == wanted).unwrap().1.clone();
    assert!(text("nginx.conf").contains("listen 127.0.0.1:29999 ssl"));
    assert!(text("prometheus.yml").contains("targets: [127.0.0.1:20102]"), "{}", text("prometheus.yml"));
    // the next call needs no environment
    assert_success(&local(folder.path(), "configs", &[]));
    assert_eq!(files(&folder.path().join("configs")), configs);
}

#[test]
fn secrets_are_private_and_stay() {
    let folder = tempfile::tempdir().unwrap();
    assert_success(&local(folder.path(), "configs", &[]));
    let secrets = folder.path().join("secrets");
    assert_eq!((mode(&secrets), mode(&folder.path().join("configs"))), (0o700, 0o700));
    let made = files(&secrets);
    assert!(made.len() >= 20, "{made:?}");
    for (name, text) in &made {
        assert_eq!(mode(&secrets.join(name)), 0o600, "{name}");
        assert!(text.len() > 20 && !text.contains("$("), "{name}: {text}");
    }
    fs::remove_file(secrets.join("scrape_token")).unwrap();
    assert_success(&local(folder.path(), "configs", &[]));
    let again = files(&secrets);
    let changed: Vec<&str> =
        made.iter().zip(&again).filter(|(old, new)| old != new).map(|(old, _)| old.0.as_str()).collect();
    assert_eq!((changed, made.len()), (vec!["scrape_token"], again.len()));

    let for_containers = tempfile::tempdir().unwrap();
    let make = checkout().join("deploy/secrets/make.sh");
    assert_success(&run(Command::new(&make).arg(for_containers.path()).arg("--for-containers")));
    assert_eq!((mode(for_containers.path()), mode(&for_containers.path().join("token_keys"))), (0o700, 0o444));
    let unknown = run(Command::new(&make).arg(for_containers.path()).arg("--for-cats"));
    assert_fails_with(&unknown, &["usage"]);
}

#[test]
fn a_port_that_is_taken_is_told_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = local(folder.path(), "up", &[("STACK_PORT_MLFLOW", &port)]);
    assert_fails_with(&output, &[&port, "is taken", "STACK_PORT_MLFLOW"]);
    assert!(!folder.path().join("secrets").exists());
}

#[test]
fn what_is_missing_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [("STACK_PORT_BASE", "20200"), ("STACK_SCENE3D", "/nowhere/scene3d"), ("PATH", "/usr/bin:/bin")];
    let output = local(folder.path(), "up", &variables);
    assert_fails_with(&output, &["/nowhere/scene3d", "cargo xtask build"]);
    let status = local(folder.path(), "status", &[]);
    assert!(!status.status.success() && stdout(&status).matches("does not run").count() == 11, "{}", stdout(&status));
    assert_fails_with(&local(folder.path(), "restart", &[]), &["deploy/local.sh up", "STACK_DIR"]);
}

#[test]
fn the_page_has_the_same_policy_from_nginx_as_from_the_service() {
    let read = |path: &str| fs::read_to_string(checkout().join(path)).unwrap();
    let source = read("host/service/src/http/web_page.rs");
    let of_service = source.split("CONTENT_POLICY: &str = \"").nth(1).unwrap().split('"').next().unwrap();
    // lines of the source are joined by backslashes
    let of_service = of_service.split("\\\n").map(str::trim_start).collect::<String>();
    let headers = read("deploy/nginx/security_headers.conf");
    assert!(headers.contains(&format!("Content-Security-Policy \"{of_service}\"")), "{of_service}\n{headers}");
}
