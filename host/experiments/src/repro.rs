//! `dvc repro` as one run: starts the run that all stages are part of, and ends it with what they left.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use crate::ExperimentError;
use crate::project::Project;
use crate::record::{PARENT_VARIABLE, Record};

/// What stays of a whole experiment, relative to the project.
const ARTIFACTS: [&str; 6] =
    ["params.yaml", "dvc.yaml", "dvc.lock", "out/metrics.json", "out/evaluation/table.md", "out/selection.json"];

/// What to start.
#[derive(Debug, Clone)]
pub struct ReproOptions {
    /// The program `dvc`.
    pub dvc: PathBuf,
    /// More arguments of `dvc repro`, e.g. names of stages.
    pub arguments: Vec<String>,
    /// More environment of the stages.
    pub environment: Vec<(String, OsString)>,
}

/// Runs `dvc repro` in the project's folder; this program is first on its `PATH`.
///
/// # Errors
/// [`ExperimentError::Io`] if DVC can't be started.
pub fn repro(
    root: &Path,
    project: &Project,
    record: &Record,
    options: &ReproOptions,
) -> Result<ExitStatus, ExperimentError> {
    let run = record.stage("repro", &serde_json::to_value(&project.params)?);
    run.artifact_text("git.txt", &git_state(root));
    let mut dvc = Command::new(&options.dvc);
    dvc.current_dir(root).arg("repro").args(&options.arguments);
    dvc.env("PATH", path_with_this_program()).env("DVC_NO_ANALYTICS", "1");
    dvc.envs(options.environment.iter().map(|(name, value)| (name, value)));
    if let Some(id) = run.id() {
        dvc.env(PARENT_VARIABLE, id);
    }
    let status = dvc.status().map_err(ExperimentError::io("start", &options.dvc))?;
    let best = project.params.select.out.to_string_lossy().into_owned();
    for name in ARTIFACTS.into_iter().chain([best.as_str()]) {
        // DVC writes its files in place: they are copied, not linked
        if let Ok(text) = fs::read_to_string(project.path(name)) {
            run.artifact_text(name, &text);
        }
    }
    let failed = ExperimentError::Stages { status };
    run.end(if status.success() { Ok(()) } else { Err(&failed) });
    Ok(status)
}

fn path_with_this_program() -> OsString {
    let own = env::current_exe().ok().and_then(|program| program.parent().map(Path::to_owned));
    let inherited = env::var_os("PATH").unwrap_or_default();
    let folders = own.into_iter().chain(env::split_paths(&inherited));
    env::join_paths(folders).unwrap_or(inherited)
}

/// Commit, branch and what is not committed; a note where there is no repository.
fn git_state(root: &Path) -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").current_dir(root).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let Some(commit) = git(&["rev-parse", "HEAD"]) else { return "no git repository\n".to_owned() };
    let [branch, status, changes] = [["branch", "--show-current"], ["status", "--porcelain"], ["diff", "HEAD"]]
        .map(|of| git(&of).unwrap_or_default());
    format!("commit {commit}branch {branch}\n{status}\n{changes}")
}
