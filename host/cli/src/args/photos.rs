//! Options of commands about photos themselves: `eda` and `sample`.

use std::path::PathBuf;

use clap::Args;

/// Options of `eda`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  scene3d eda photos --out baseline.json
  scene3d eda photos --out baseline.json --config configs/aliked+lightglue.toml

Thresholds are calibrated on the photos themselves, so that sets of 10, 30, 100 or 300 photos like them raise a false
alarm in less than one check of 20. More photos, of more scenes, find smaller drift: hundreds are better than dozens.")]
pub struct EdaArgs {
    /// Folder of photos as they usually come; subfolders are read too.
    pub photos: PathBuf,
    /// File to write; one that is there is replaced.
    #[arg(short, long)]
    pub out: PathBuf,
    /// Config whose first extractor counts keypoints, so that their drift is found too.
    #[arg(short, long)]
    pub config: Option<PathBuf>,
    /// Change a value of the config, e.g. features.0.extractor.max_keypoints=4096; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE", requires = "config")]
    pub set: Vec<String>,
    /// Seed of the resamples; the same photos and seed give the same file.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub seed: u64,
    /// Skip photos of more megapixels than this.
    #[arg(long, default_value_t = 256, value_name = "N")]
    pub max_megapixels: u64,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Options of `sample`.
#[derive(Debug, Args)]
pub struct SampleArgs {
    /// Folder to write: `images/` and `ground-truth.json`.
    pub folder: PathBuf,
    /// Number of photos.
    #[arg(long, default_value_t = 12)]
    pub num_images: usize,
    /// Seed of the scene.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}
