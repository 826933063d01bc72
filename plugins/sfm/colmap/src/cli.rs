//! Engine `cli`: the program `colmap`, one process a step.
//!
//! Option names changed between 3.8 and 4.x (colmap `src/colmap/controllers/option_manager.cc`), so each step asks the program
//! which ones it knows and takes the first known spelling.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use scene3d_sdk::scene::ImageId;
use scene3d_sdk::{MatchGraph, Result, SdkError};

use crate::child::{Group, Output, SharedLog, Watch, lock};
use crate::config::MapperKind;
use crate::find;
use crate::job::Job;

const MIN_VERSION: [u32; 2] = [3, 8];
/// What both 3.8 and 4.x say when they end with an error code because no model came out.
const NO_MODEL: &str = "failed to create sparse model";

/// The program.
#[derive(Clone)]
pub(crate) struct Cli {
    program: PathBuf,
    version: String,
}

/// Arguments of one step.
struct Step<'a> {
    command: &'a str,
    help: String,
    arguments: Vec<String>,
}

impl Step<'_> {
    /// Adds the first of the spellings that this version knows; an option that it does not know keeps its default.
    fn set(&mut self, spellings: &[&str], value: &dyn ToString) {
        let is_known = |name: &&&str| self.help.split_whitespace().any(|word| word.strip_prefix("--") == Some(**name));
        if let Some(name) = spellings.iter().find(is_known) {
            self.arguments.extend([format!("--{name}"), value.to_string()]);
        }
    }
}

impl Cli {
    /// Asks the program for its version.
    pub(crate) fn start(program: PathBuf) -> Result<Self> {
        let help = output(&program, &["help"])?;
        let version = help.split_whitespace().skip_while(|word| *word != "COLMAP").nth(1).unwrap_or_default();
        let parts: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
        if parts.len() < 2 || parts[..2] < MIN_VERSION[..] {
            let message = format!("{}: expected colmap >= 3.8, got `{version}`", program.display());
            return Err(SdkError::unavailable(message).help(find::how_to_get_one()));
        }
        let version = version.to_owned();
        Ok(Self { program, version })
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Images are numbered in the database: COLMAP's pair lists are split at spaces.
    pub(crate) fn image_name(image_id: ImageId) -> String {
        format!("{image_id}")
    }

    pub(crate) fn create_database(&self, job: &Job<'_>, watch: &Watch<'_>) -> Result<()> {
        let step = self.step("database_creator", job)?;
        self.run(step, job, watch)
    }

    /// Pairs that have matches but no geometry are verified and not matched.
    pub(crate) fn verify(&self, graph: &MatchGraph, job: &Job<'_>, watch: &Watch<'_>) -> Result<()> {
        let config = job.config;
        let pairs = job.files.workspace.join("pairs.txt");
        let line = |pair: &scene3d_sdk::PairMatches| {
            format!("{} {}\n", Self::image_name(pair.pair.image1), Self::image_name(pair.pair.image2))
        };
        fs::write(&pairs, graph.pairs.iter().map(line).collect::<String>())
            .map_err(|error| SdkError::unavailable(format!("cannot write {}: {error}", pairs.display())))?;
        let mut step = self.step("matches_importer", job)?;
        step.set(&["match_list_path"], &pairs.display());
        step.set(&["match_type"], &"pairs");
        step.set(&["FeatureMatching.use_gpu", "SiftMatching.use_gpu"], &0);
        // before 4.x the random generator is a thread's, and which thread gets a pair is chance
        step.set(&["FeatureMatching.num_threads", "SiftMatching.num_threads"], &job.num_mapping_threads());
        step.set(&["TwoViewGeometry.min_num_inliers", "SiftMatching.min_num_inliers"], &config.min_num_inliers);
        step.set(&["TwoViewGeometry.max_error", "SiftMatching.max_error"], &config.max_epipolar_error_px);
        step.set(&["TwoViewGeometry.max_num_trials", "SiftMatching.max_num_trials"], &config.max_ransac_trials);
        self.run(step, job, watch)
    }

    pub(crate) fn reconstruct(&self, job: &Job<'_>, watch: &Watch<'_>) -> Result<()> {
        let command = match job.config.mapper {
            MapperKind::Incremental => "mapper",
            MapperKind::Hierarchical => "hierarchical_mapper",
            MapperKind::Global => "global_mapper",
        };
        let mut step = self.step(command, job)?;
        if job.config.mapper == MapperKind::Global && !step.help.contains("--output_path") {
            let message = format!("mapper = \"global\" needs colmap >= 4.0 or pycolmap, got colmap {}", self.version);
            return Err(SdkError::unsupported(message).help(find::how_to_get_one()));
        }
        step.set(&["image_path"], &job.files.workspace.display());
        step.set(&["output_path"], &job.files.models.display());
        mapper_options(&mut step, job);
        self.run(step, job, watch)
    }

    fn step<'a>(&self, command: &'a str, job: &Job<'_>) -> Result<Step<'a>> {
        let help = output(&self.program, &[command, "-h"])?;
        let mut step = Step { command, help, arguments: Vec::new() };
        step.set(&["database_path"], &job.files.database.display());
        step.set(&["random_seed"], &job.seed);
        Ok(step)
    }

    fn run(&self, step: Step<'_>, job: &Job<'_>, watch: &Watch<'_>) -> Result<()> {
        let log = SharedLog::default();
        let logged = lock(&log).write_to(&job.files.log);
        logged.map_err(|error| SdkError::unavailable(format!("cannot write {}: {error}", job.files.log.display())))?;
        let mut command = command(&self.program);
        command.arg(step.command).args(step.arguments).current_dir(&job.files.workspace);
        let mut group = Group::spawn(command, Output::Joined, log)
            .map_err(|error| SdkError::unavailable(format!("cannot start {}: {error}", self.program.display())))?;
        let mut found_no_model = false;
        while let Some(line) = group.next_line(watch)? {
            found_no_model |= line.contains(NO_MODEL);
            if let Some(num_registered) = num_registered(&line) {
                job.report_registered(watch.caller, num_registered);
            }
            lock(&group.log).push(line);
        }
        let status = group.wait(watch)?;
        if status.success() || found_no_model {
            return Ok(());
        }
        Err(group.failure(&format!("colmap {}", step.command), status))
    }
}

fn mapper_options(step: &mut Step<'_>, job: &Job<'_>) {
    let (config, threads) = (job.config, job.num_mapping_threads());
    let refine = u8::from(job.refines_intrinsics());
    step.set(&["num_workers"], &threads);
    step.set(&["Mapper.num_threads", "GlobalMapper.num_threads"], &threads);
    step.set(&["Mapper.random_seed", "GlobalMapper.random_seed"], &job.seed);
    step.set(&["Mapper.extract_colors"], &0);
    step.set(&["Mapper.min_num_matches", "GlobalMapper.min_num_matches"], &config.min_num_inliers);
    step.set(&["Mapper.min_model_size", "GlobalMapper.min_model_size"], &config.min_model_size);
    step.set(&["Mapper.ba_refine_focal_length", "GlobalMapper.ba_refine_focal_length"], &refine);
    step.set(&["Mapper.ba_refine_extra_params", "GlobalMapper.ba_refine_extra_params"], &refine);
    for name in ["filter_max_reproj_error", "tri_complete_max_reproj_error", "tri_merge_max_reproj_error"] {
        step.set(&[&format!("Mapper.{name}")], &config.max_reproj_error_px);
    }
    for (name, value) in job.bundle_adjustment_options() {
        // 3.8 counts images where 4.x counts frames
        step.set(&[&format!("Mapper.{name}"), &format!("Mapper.{}", name.replace("frames", "images"))], &value);
    }
    if config.mapper == MapperKind::Incremental {
        step.set(&["Mapper.snapshot_path"], &job.files.snapshots.display());
        step.set(&["Mapper.snapshot_frames_freq", "Mapper.snapshot_images_freq"], &job.snapshot_freq());
    }
}

fn command(program: &PathBuf) -> Command {
    let mut command = Command::new(program);
    // Qt would look for a display
    command.env("QT_QPA_PLATFORM", "offscreen").env("OMP_NUM_THREADS", "1").env("OPENBLAS_NUM_THREADS", "1");
    command
}

fn output(program: &PathBuf, arguments: &[&str]) -> Result<String> {
    let output = command(program).args(arguments).output().map_err(|error| {
        let message = format!("cannot run {}: {error}", program.display());
        SdkError::unavailable(message).help(find::how_to_get_one())
    })?;
    Ok([output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat())
}

/// 3.8: `Registering image #7 (3)`, the count including it; 4.x: `Registering image #7 (num_reg_frames=2)`, without it.
fn num_registered(line: &str) -> Option<usize> {
    let (_, rest) = line.split_once("Registering image #")?;
    let (_, count) = rest.split_once('(')?;
    let count = count.trim_end_matches([')', ' ']);
    match count.strip_prefix("num_reg_frames=") {
        Some(others) => others.parse::<usize>().ok().map(|others| others + 1),
        None => count.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registered_images_are_counted_in_either_versions_log() {
        assert_eq!(num_registered("Registering image #7 (3)"), Some(3));
        assert_eq!(num_registered("I2 1.cc:620] Registering image #7 (num_reg_frames=2)"), Some(3));
        assert_eq!(num_registered("  => Image sees 3 / 4 points"), None);
    }

    #[test]
    fn the_spelling_that_the_version_knows_is_used() {
        let help = "  --Mapper.ba_global_images_ratio arg (=1.1)\n  --Mapper.num_threads arg (=-1)".to_owned();
        let mut step = Step { command: "mapper", help, arguments: Vec::new() };
        step.set(&["Mapper.ba_global_frames_ratio", "Mapper.ba_global_images_ratio"], &1.3);
        step.set(&["Mapper.random_seed"], &7);
        assert_eq!(step.arguments, ["--Mapper.ba_global_images_ratio", "1.3"]);
    }
}
