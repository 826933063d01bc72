//! Engine `pycolmap`: a Python child that runs `python/driver.py`, asked by JSON lines.

use std::path::PathBuf;
use std::process::Command;

use scene3d_sdk::{ErrorCode, Result, SdkError};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::child::{Group, Limit, Output, SharedLog, Watch, lock};
use crate::config::MapperKind;
use crate::find;
use crate::job::Job;

const DRIVER: &str = include_str!("../python/driver.py");

/// A Python child; it imports pycolmap while its owner does something else.
pub(crate) struct Pycolmap {
    group: Group,
    python: PathBuf,
    start_timeout_secs: u64,
    version: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Event {
    Ready { version: String },
    Registered { num: usize },
    Done,
    Error { message: String },
}

impl Pycolmap {
    /// Starts the child, which may take `start_timeout_secs` (0: any time) to import pycolmap once it is waited for.
    pub(crate) fn start(python: PathBuf, start_timeout_secs: u64) -> Result<Self> {
        let mut command = Command::new(&python);
        // -I: no user site and no PYTHON* variables, so that only this Python's own packages count
        command.args(["-I", "-X", "utf8", "-c", DRIVER]);
        // NumPy's BLAS would start a thread a core at import, which nothing here uses
        command.env("OPENBLAS_NUM_THREADS", "1").env("OMP_NUM_THREADS", "1");
        let group = Group::spawn(command, Output::Apart, SharedLog::default())
            .map_err(|error| SdkError::unavailable(format!("cannot start {}: {error}", python.display())))?;
        Ok(Self { group, python, start_timeout_secs, version: None })
    }

    /// Version of pycolmap, once it is imported.
    pub(crate) fn wait_until_ready(&mut self, watch: &Watch<'_>) -> Result<String> {
        if let Some(version) = &self.version {
            return Ok(version.clone());
        }
        let secs = self.start_timeout_secs;
        let start = watch.within(Limit { key: "start_timeout_secs", secs, missed: "it was not imported" });
        self.await_version(&start).map_err(|error| self.describe_late_start(error))
    }

    fn await_version(&mut self, start: &Watch<'_>) -> Result<String> {
        while let Some(line) = self.group.next_line(start)? {
            if let Ok(Event::Ready { version }) = serde_json::from_str(&line) {
                self.version = Some(version.clone());
                return Ok(version);
            }
        }
        self.group.wait(start)?;
        let message = format!("{} cannot run pycolmap", self.python.display());
        Err(self.group.with_log(SdkError::unavailable(message)).help(find::how_to_get_one()))
    }

    fn describe_late_start(&self, mut error: SdkError) -> SdkError {
        if error.code != ErrorCode::TIMEOUT {
            return error;
        }
        let python = self.python.display();
        error.message = format!("{python} cannot run pycolmap: {}", error.message);
        let help = format!(
            "see whether `{python} -I -c 'import pycolmap'` ends: if it does, {}; if it hangs, get another one: {}",
            error.help,
            find::how_to_get_one()
        );
        self.group.with_log(error).help(help)
    }

    pub(crate) fn create_database(&mut self, job: &Job<'_>, watch: &Watch<'_>) -> Result<()> {
        let logged = lock(&self.group.log).write_to(&job.files.log);
        logged.map_err(|error| SdkError::unavailable(format!("cannot write {}: {error}", job.files.log.display())))?;
        self.call(&json!({ "call": "create_database", "database": job.files.database }), job, watch)
    }

    pub(crate) fn verify(&mut self, job: &Job<'_>, watch: &Watch<'_>) -> Result<()> {
        let config = job.config;
        let request = json!({
            "call": "verify",
            "database": job.files.database,
            "seed": job.seed,
            // every pair has a seed of its own, so that these threads change nothing
            "verifier": { "num_threads": job.num_threads },
            "two_view_geometry": {
                "min_num_inliers": config.min_num_inliers,
                "ransac": {
                    "max_error": config.max_epipolar_error_px,
                    "max_num_trials": config.max_ransac_trials,
                    "random_seed": job.seed,
                },
            },
            // global mapping can't start from a guessed focal length, unlike the other two
            "calibrate_view_graph": config.mapper == MapperKind::Global && job.refines_intrinsics(),
        });
        self.call(&request, job, watch)
    }

    pub(crate) fn reconstruct(&mut self, job: &Job<'_>, watch: &Watch<'_>) -> Result<()> {
        let options = match job.config.mapper {
            MapperKind::Incremental => incremental_options(job),
            MapperKind::Global => global_options(job),
            MapperKind::Hierarchical => hierarchical_options(job),
        };
        let request = json!({
            "call": "reconstruct",
            "mapper": job.config.mapper.name(),
            "database": job.files.database,
            // no image is read, but COLMAP wants a folder
            "images": job.files.workspace,
            "output": job.files.models,
            "seed": job.seed,
            "options": options,
        });
        self.call(&request, job, watch)
    }

    fn call(&mut self, request: &Value, job: &Job<'_>, watch: &Watch<'_>) -> Result<()> {
        self.group.send(&request.to_string());
        while let Some(line) = self.group.next_line(watch)? {
            let event = serde_json::from_str(&line).map_err(|error| {
                SdkError::internal(format!("pycolmap's driver answered `{line}`: {error}; this is a bug"))
            })?;
            match event {
                Event::Ready { .. } => {}
                Event::Registered { num } => job.report_registered(watch.caller, num),
                Event::Done => return Ok(()),
                Event::Error { message } => {
                    return Err(self.group.with_log(SdkError::internal(format!("pycolmap failed: {message}"))));
                }
            }
        }
        let status = self.group.wait(watch)?;
        Err(self.group.failure("pycolmap", status))
    }
}

fn incremental_options(job: &Job<'_>) -> Value {
    let config = job.config;
    let max_error_px = config.max_reproj_error_px;
    let mut options = json!({
        "min_num_matches": config.min_num_inliers,
        "min_model_size": config.min_model_size,
        "num_threads": job.num_mapping_threads(),
        "random_seed": job.seed,
        "extract_colors": false,
        "snapshot_path": job.files.snapshots,
        "snapshot_frames_freq": job.snapshot_freq(),
        "ba_refine_focal_length": job.refines_intrinsics(),
        "ba_refine_extra_params": job.refines_intrinsics(),
        "mapper": { "filter_max_reproj_error": max_error_px },
        "triangulation": { "complete_max_reproj_error": max_error_px, "merge_max_reproj_error": max_error_px },
    });
    for (name, value) in job.bundle_adjustment_options() {
        options[*name] = number(*value);
    }
    options
}

/// pycolmap takes no float where it wants an integer.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 { json!(value as i64) } else { json!(value) }
}

fn global_options(job: &Job<'_>) -> Value {
    let threads = json!({ "num_threads": job.num_mapping_threads() });
    let seed = json!({ "random_seed": job.seed });
    json!({
        "min_num_matches": job.config.min_num_inliers,
        "min_model_size": job.config.min_model_size,
        "num_threads": job.num_mapping_threads(),
        "random_seed": job.seed,
        "mapper": {
            "num_threads": job.num_mapping_threads(),
            "random_seed": job.seed,
            "rotation_averaging": seed,
            "global_positioning": { "random_seed": job.seed, "use_gpu": false },
            "retriangulation": seed,
            "bundle_adjustment": {
                "refine_focal_length": job.refines_intrinsics(),
                "refine_extra_params": job.refines_intrinsics(),
                "ceres": { "use_gpu": false, "solver_options": threads },
            },
        },
    })
}

fn hierarchical_options(job: &Job<'_>) -> Value {
    let threads = job.num_mapping_threads();
    let incremental = without(incremental_options(job), &["snapshot_path", "snapshot_frames_freq"]);
    json!({ "num_threads": threads, "num_workers": threads, "incremental_options": incremental })
}

/// Clusters are mapped side by side, their snapshots would be of no use.
fn without(options: Value, names: &[&str]) -> Value {
    let Value::Object(options) = options else { return options };
    Value::Object(options.into_iter().filter(|(name, _)| !names.contains(&name.as_str())).collect::<Map<_, _>>())
}
