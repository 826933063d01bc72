//! The stage: from a match graph to reconstructions.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use scene3d_sdk::{
    CreateContext, Descriptor, ErrorCode, Host, LogLevel, Mapper, Mapping, MatchGraph, Result, SdkError, StageKind,
    describe,
};

use crate::Caller;
use crate::cameras::camera_priors;
use crate::child::{Limit, Watch};
use crate::config::ColmapConfig;
use crate::database;
use crate::engine::{Choice, Engine};
use crate::job::{Files, Job};
use crate::models;

/// COLMAP.
pub struct Colmap {
    config: ColmapConfig,
    choice: Choice,
    seed: i64,
    /// Started ahead, for one mapping: a fresh process each is what makes equal runs equal.
    engine: Option<Engine>,
}

impl Mapper for Colmap {
    type Config = ColmapConfig;

    fn descriptor() -> Descriptor {
        let summary = "COLMAP (incremental, global, hierarchical) in a child process.";
        Descriptor {
            source: "Schönberger and Frahm, Structure-from-Motion Revisited, CVPR 2016".to_owned(),
            devices: ["cpu", "cuda"].map(str::to_owned).to_vec(),
            ..describe(StageKind::Mapper, "colmap", env!("CARGO_PKG_VERSION"), "Apache-2.0", summary)
        }
    }

    fn create(config: ColmapConfig, context: &CreateContext<'_>) -> Result<Self> {
        Self::new(config, context.seed)
    }

    fn map(&mut self, graph: &MatchGraph, host: &Host<'_>) -> Result<Mapping> {
        self.map_graph(graph, host).map_err(|error| told_if_disk_is_full(error, &graph.workspace))
    }
}

impl Colmap {
    /// Finds an engine and starts it, so that it is ready by the time the features are.
    ///
    /// # Errors
    /// `INVALID_CONFIG`, or `UNAVAILABLE` with how to get an engine if there is none.
    pub fn new(config: ColmapConfig, pipeline_seed: u64) -> Result<Self> {
        config.validate()?;
        let choice = Choice::find(&config)?;
        let engine = Some(Engine::start(&choice)?);
        // COLMAP's seeds are C ints, -1 meaning none
        let seed = if config.seed >= 0 { config.seed } else { (pipeline_seed & 0x7fff_ffff) as i64 };
        Ok(Self { config, choice, seed, engine })
    }

    /// Verifies the matches and reconstructs.
    ///
    /// # Errors
    /// As [`Mapper::map`].
    pub fn map_graph(&mut self, graph: &MatchGraph, caller: &dyn Caller) -> Result<Mapping> {
        check_graph(graph)?;
        let secs = self.config.timeout_secs;
        let watch = Watch::new(caller, Limit { key: "timeout_secs", secs, missed: "colmap did not end" });
        let engine = match self.engine.take() {
            Some(engine) => engine,
            None => Engine::start(&self.choice)?,
        };
        let (mut engine, name) = engine.ready(&self.choice, &watch)?;
        if graph.pairs.is_empty() {
            return Ok(Mapping { engine: name, ..Mapping::default() });
        }
        let job = self.job(graph, caller)?;
        prepare(&mut engine, graph, &job, &watch)?;
        let ran = run(&mut engine, graph, &job, &watch);
        let models = match &ran {
            Ok(()) => models::read(&job.files, graph)?,
            Err(error) => kept(error, graph, &job, caller)?,
        };
        drop(engine);
        let verified_pairs = database::read_verified_pairs(&job.files.database)?;
        if ran.is_ok()
            && let Err(error) = job.files.remove_models()
        {
            caller.log(LogLevel::Warn, &format!("cannot remove COLMAP's copies of the models: {error}"));
        }
        Ok(Mapping { models, verified_pairs, engine: name })
    }

    fn job(&self, graph: &MatchGraph, caller: &dyn Caller) -> Result<Job<'_>> {
        Ok(Job {
            config: &self.config,
            seed: self.seed,
            num_threads: match self.config.num_threads {
                0 => caller.threads(),
                num_threads => num_threads as usize,
            },
            num_images: graph.images.len(),
            files: Files::create(&graph.workspace)?,
        })
    }
}

fn prepare(engine: &mut Engine, graph: &MatchGraph, job: &Job<'_>, watch: &Watch<'_>) -> Result<()> {
    let cameras = camera_priors(&graph.images, job.config)?;
    engine.create_database(job, watch)?;
    let names = engine.image_names(graph);
    database::write(&job.files.database, &database::Content { graph, cameras: &cameras, names: &names })
}

fn run(engine: &mut Engine, graph: &MatchGraph, job: &Job<'_>, watch: &Watch<'_>) -> Result<()> {
    watch.caller.progress(0.0, &format!("verifying {} pairs", graph.pairs.len()));
    engine.verify(graph, job, watch)?;
    database::drop_weak_pairs(&job.files.database, job.config.min_inlier_share)?;
    watch.caller.progress(0.2, &format!("mapping {} images", job.num_images));
    engine.reconstruct(job, watch)
}

/// The models that were finished before the error; without any, the error.
fn kept(
    error: &SdkError,
    graph: &MatchGraph,
    job: &Job<'_>,
    caller: &dyn Caller,
) -> Result<Vec<scene3d_sdk::scene::Reconstruction>> {
    if error.code == ErrorCode::CANCELLED {
        return Err(error.clone());
    }
    let models = models::salvage(&job.files, graph);
    if models.is_empty() {
        return Err(error.clone());
    }
    let mut message = format!("keeping {} finished model(s) although {error}", models.len());
    for (name, value) in &error.details {
        let _ = write!(message, "; {name}: {value}");
    }
    caller.log(LogLevel::Warn, &message);
    Ok(models)
}

/// What COLMAP would abort at.
/// What `strerror(ENOSPC)` and SQLite's `SQLITE_FULL` say (<https://sqlite.org/rescode.html#full>): COLMAP passes errors on
/// as text alone.
const DISK_FULL_WORDS: [&str; 2] = ["No space left on device", "database or disk is full"];

/// What SQLite says where it finds no room for its journal, and of much else (<https://sqlite.org/rescode.html#ioerr>).
const IO_ERROR_WORDS: &str = "disk I/O error";

/// With less room no journal can be begun.
const MIN_FREE_BYTES: u64 = 64 << 10;

/// Wherever the disk was full, that is said alike, for programs too.
fn told_if_disk_is_full(error: SdkError, workspace: &Path) -> SdkError {
    let says = |words: &str| error.message.contains(words);
    let is_full = DISK_FULL_WORDS.into_iter().any(says)
        || (says(IO_ERROR_WORDS) && free_bytes(workspace).is_some_and(|bytes| bytes < MIN_FREE_BYTES));
    if !is_full {
        return error;
    }
    let error = SdkError { code: ErrorCode::UNAVAILABLE, ..error };
    error.help("free some disk space and run it again").detail("cause", "disk_full")
}

#[cfg(unix)]
fn free_bytes(folder: &Path) -> Option<u64> {
    rustix::fs::statvfs(folder).ok().map(|found| found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(_: &Path) -> Option<u64> {
    None
}

fn check_graph(graph: &MatchGraph) -> Result<()> {
    let wrong = |what: String| Err(SdkError::invalid_input(format!("match graph: {what}")));
    let num_images = graph.images.len();
    if graph.keypoints.len() != num_images || graph.colors.len() != num_images {
        return wrong(format!("expected keypoints and colors of {num_images} images"));
    }
    if let Some((image, id)) = graph.images.iter().zip(1..).find(|(image, id)| image.image_id.0 != *id) {
        return wrong(format!("expected image id {id}, got {} for `{}`", image.image_id, image.name));
    }
    let mut names = BTreeSet::new();
    if let Some(image) = graph.images.iter().find(|image| !names.insert(&image.name)) {
        return wrong(format!("two images are named `{}`", image.name));
    }
    let is_finite = |keypoints: &Vec<[f32; 2]>| keypoints.iter().flatten().all(|px| px.is_finite());
    if let Some(index) = graph.keypoints.iter().position(|keypoints| !is_finite(keypoints)) {
        return wrong(format!("image `{}` has a keypoint that is not finite", graph.images[index].name));
    }
    let num_keypoints = |id: u32| graph.keypoints.get(id.wrapping_sub(1) as usize).map_or(0, Vec::len);
    for pair in &graph.pairs {
        let (image1, image2) = (pair.pair.image1.0, pair.pair.image2.0);
        let bounds = [num_keypoints(image1), num_keypoints(image2)];
        let is_outside = |indices: &&[u32; 2]| (0..2).any(|side| indices[side] as usize >= bounds[side]);
        if let Some(indices) = pair.matches.indices.iter().find(is_outside) {
            return wrong(format!("pair ({image1}, {image2}): match {indices:?} of {bounds:?} keypoints"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_for_programs_wherever_it_was_met() {
        let folder = tempfile::tempdir().unwrap();
        let told = |message: &str| told_if_disk_is_full(SdkError::internal(message), folder.path());
        let full = told("pycolmap failed: no factory succeeded: SQLite error: database or disk is full.");
        assert_eq!((full.code, full.details.len()), (ErrorCode::UNAVAILABLE, 1), "{full:?}");
        assert!(full.help.contains("free some disk space"), "{full:?}");
        for other in ["SQLite error: disk I/O error, on a disk with room", "the point is behind the camera"] {
            assert_eq!((told(other).code, told(other).details.len()), (ErrorCode::INTERNAL, 0), "{other}");
        }
    }
}
