//! What `bench.json` holds: figures of every extractor and combination, or why there are none.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::device::DeviceFigures;

/// Version of the layout of `bench.json`.
pub const SCHEMA_VERSION: u32 = 1;

/// All that was measured, on what.
#[derive(Debug, Serialize)]
pub struct BenchReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Version of the program.
    pub scene3d_version: String,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// The command that measures this again.
    pub command: String,
    /// Where it was measured.
    pub machine: MachineFacts,
    /// On what it was measured.
    pub photos: PhotoFacts,
    /// What accuracy is against.
    pub ground_truth: Option<PathBuf>,
    /// A row an extractor, in the order asked for.
    pub extractors: Vec<ExtractorRow>,
    /// A row a combination: all matchers of the first extractor, then of the next.
    pub combinations: Vec<CombinationRow>,
}

/// A machine.
#[derive(Debug, Serialize)]
pub struct MachineFacts {
    /// Model of the CPU; `null` where the system does not tell.
    pub cpu: Option<String>,
    /// Threads that run at once.
    pub num_threads: usize,
    /// Memory of the machine; `null` where the system does not tell.
    pub memory_bytes: Option<u64>,
    /// Operating system and architecture, e.g. `linux x86_64`.
    pub system: String,
    /// Where the networks ran.
    pub device: String,
}

/// The photos.
#[derive(Debug, Serialize)]
pub struct PhotoFacts {
    /// The folder, as it was given.
    pub folder: String,
    /// Usable photos in it.
    pub num_images: usize,
    /// How many of them were extracted and matched at most.
    pub max_images: usize,
    /// How many pairs were matched at most.
    pub max_pairs: usize,
}

/// An extractor.
#[derive(Debug, Serialize)]
pub struct ExtractorRow {
    /// Id of the plugin.
    pub extractor: String,
    /// Its version.
    pub version: String,
    /// The family of its features.
    pub family: Option<String>,
    /// Its resolved config.
    pub config: Value,
    /// Its figures.
    #[serde(flatten)]
    pub outcome: Outcome<ExtractFigures>,
}

/// An extractor with a matcher.
#[derive(Debug, Serialize)]
pub struct CombinationRow {
    /// Id of the extractor.
    pub extractor: String,
    /// Id of the matcher.
    pub matcher: String,
    /// Version of the matcher.
    pub version: String,
    /// Resolved config of the matcher; `null` if it does not fit.
    pub config: Value,
    /// Its figures.
    #[serde(flatten)]
    pub matching: Outcome<MatchFigures>,
    /// Figures of a whole run; `null` without ground truth and where matching can't be.
    pub reconstruction: Option<Outcome<ReconstructFigures>>,
}

/// Figures, or why there are none.
#[derive(Debug, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Outcome<T> {
    /// It was measured.
    Measured {
        /// The figures.
        figures: T,
    },
    /// It failed or crashed.
    Failed {
        /// Why.
        reason: String,
    },
    /// The matcher does not take features of this family.
    DoesNotFit {
        /// Which it takes.
        reason: String,
    },
}

/// What a child process came back with.
#[derive(Debug)]
pub enum Errand<T> {
    /// Its figures.
    Done(T),
    /// Why it has none.
    Failed(String),
}

/// How an extractor does under full load.
#[derive(Debug, Serialize, Deserialize)]
pub struct ExtractFigures {
    /// Instances that worked at once.
    pub num_instances: usize,
    /// Photos that were measured.
    pub num_images: usize,
    /// Time of one photo.
    pub image_ms: Summary,
    /// Photos a second, all instances together.
    pub images_per_sec: f64,
    /// Mean number of keypoints.
    pub keypoints_per_image: f64,
    /// What it needed.
    #[serde(flatten)]
    pub resources: Resources,
}

/// How a matcher does under full load.
#[derive(Debug, Serialize, Deserialize)]
pub struct MatchFigures {
    /// Instances that worked at once.
    pub num_instances: usize,
    /// Pairs that were measured.
    pub num_pairs: usize,
    /// Time to prepare one photo, however many pairs it is in.
    pub prepare_ms: Summary,
    /// Time of one pair.
    pub pair_ms: Summary,
    /// Pairs a second, all instances together, without preparing.
    pub pairs_per_sec: f64,
    /// Mean number of matches.
    pub matches_per_pair: f64,
    /// What it needed.
    #[serde(flatten)]
    pub resources: Resources,
}

/// A whole run against ground truth.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReconstructFigures {
    /// Wall time of the run.
    pub total_secs: f64,
    /// Images of the truth that were registered.
    pub num_registered: usize,
    /// Images of the truth.
    pub num_images: usize,
    /// Pose AUC in percent at 1, 3 and 5 deg.
    pub auc_percent: [f64; 3],
    /// Root mean square of the centres' distances after Sim(3) alignment, in units of the truth; `null` below three
    /// images.
    pub center_error_rms: Option<f64>,
    /// Their median.
    pub center_error_median: Option<f64>,
    /// Peak of the run's process, without the mapper's own processes.
    pub peak_resident_bytes: Option<u64>,
    /// Folder of the run.
    pub run: PathBuf,
}

/// Memory and energy of a measurement.
#[derive(Debug, Serialize, Deserialize)]
pub struct Resources {
    /// Resident before the plugin was created: the program, and the photos or features to work on.
    pub resident_before_bytes: Option<u64>,
    /// Peak of the process from then on; `null` where the system does not tell.
    pub peak_resident_bytes: Option<u64>,
    /// Peak of the GPU's memory above what was in use before the plugin was created.
    pub peak_device_bytes: Option<u64>,
    /// Energy of the GPU for one photo or pair under full load, idle draw included.
    pub joules: Option<f64>,
    /// Why one of these two is `null`.
    pub why_no_device_figures: Option<String>,
}

/// A distribution.
#[derive(Debug, Serialize, Deserialize)]
pub struct Summary {
    /// Number of measured values.
    pub num_samples: usize,
    /// Mean.
    pub mean: f64,
    /// Smallest.
    pub min: f64,
    /// Median.
    pub p50: f64,
    /// 95 percent are at most this.
    pub p95: f64,
    /// Largest.
    pub max: f64,
}

impl BenchReport {
    /// Rows with figures.
    pub fn num_measured(&self) -> usize {
        let extractors = self.extractors.iter().filter(|row| row.outcome.is_measured()).count();
        extractors + self.combinations.iter().filter(|row| row.matching.is_measured()).count()
    }
}

impl Resources {
    /// With what a device needed.
    pub fn new(resident_before_bytes: Option<u64>, peak_resident_bytes: Option<u64>, device: DeviceFigures) -> Self {
        let DeviceFigures { peak_bytes: peak_device_bytes, joules, why_not: why_no_device_figures } = device;
        Self { resident_before_bytes, peak_resident_bytes, peak_device_bytes, joules, why_no_device_figures }
    }
}

impl<T> Outcome<T> {
    /// The figures, if there are.
    pub fn figures(&self) -> Option<&T> {
        match self {
            Self::Measured { figures } => Some(figures),
            Self::Failed { .. } | Self::DoesNotFit { .. } => None,
        }
    }

    /// Whether there are figures.
    pub fn is_measured(&self) -> bool {
        self.figures().is_some()
    }

    /// Why there are none, in a few words and in full.
    pub fn why_not(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Measured { .. } => None,
            Self::Failed { reason } => Some(("failed", reason)),
            Self::DoesNotFit { reason } => Some(("does not fit", reason)),
        }
    }
}

impl<T> From<Errand<T>> for Outcome<T> {
    fn from(errand: Errand<T>) -> Self {
        match errand {
            Errand::Done(figures) => Self::Measured { figures },
            Errand::Failed(reason) => Self::Failed { reason },
        }
    }
}

impl Summary {
    /// Of at least one value; percentiles are interpolated between the nearest ranks.
    pub fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1);
        let percentile = |share: f64| {
            let rank = share * last as f64;
            let low = sorted.get(rank as usize).copied().unwrap_or(f64::NAN);
            let high = sorted.get((rank as usize + 1).min(last)).copied().unwrap_or(f64::NAN);
            low + rank.fract() * (high - low)
        };
        Self {
            num_samples: sorted.len(),
            mean: sorted.iter().sum::<f64>() / sorted.len() as f64,
            min: percentile(0.0),
            p50: percentile(0.5),
            p95: percentile(0.95),
            max: percentile(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_numpy() {
        let summary = Summary::of(&[30.0, 10.0, 20.0, 40.0]);
        assert_eq!((summary.min, summary.p50, summary.max), (10.0, 25.0, 40.0));
        assert!((summary.p95 - 38.5).abs() < 1e-12, "{summary:?}");
        let single = Summary::of(&[7.0]);
        assert_eq!((single.num_samples, single.p50, single.p95, single.mean), (1, 7.0, 7.0, 7.0));
    }
}
