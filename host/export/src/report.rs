//! `report.json`: everything a reader wants to know of a finished run.

use std::io::Write;

use scene3d_scene::{Statistics, TwoViewConfiguration};
use serde::{Deserialize, Serialize};

use crate::ExportError;

/// Version of the shape of `report.json`: grows when a field changes its meaning or goes, not when one is added.
pub const REPORT_SCHEMA_VERSION: u32 = 1;

/// A finished run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`REPORT_SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// What was run, where and when.
    pub run: RunFacts,
    /// Plugins in the order of the pipeline.
    pub plugins: Vec<PluginFacts>,
    /// Weight files that were read.
    pub weights: Vec<WeightsFacts>,
    /// Time of each stage, in order.
    pub stages: Vec<StageTime>,
    /// Figures of the exported (largest) model; absent when nothing could be reconstructed.
    pub statistics: Option<Statistics>,
    /// Every input image, by id, including those that could not be read.
    pub images: Vec<ImageReport>,
    /// Every pair that was matched, ordered.
    pub pairs: Vec<PairReport>,
    /// What each entry of `[[features]]` contributed.
    #[serde(default)]
    pub sources: Vec<SourceReport>,
    /// Reprojection errors of all observations, px.
    pub reprojection_errors_px: Histogram,
    /// Number of observations per point.
    pub track_lengths: Histogram,
    /// Models besides the exported one, largest first.
    pub other_models: Vec<OtherModel>,
    /// Copies between the device and host memory; none where the stages run on the CPU.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transfers: Vec<Transfer>,
    /// What the reader should know before trusting the model.
    pub warnings: Vec<String>,
    /// Files that the run wrote.
    pub outputs: Vec<OutputFile>,
}

/// What was run, where and when.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunFacts {
    /// Version of scene3d.
    pub scene3d_version: String,
    /// RFC 3339, UTC, e.g. `2026-11-23T13:05:00Z`.
    pub started_at: String,
    /// Wall time of the whole run in seconds.
    pub total_secs: f64,
    /// Folder of the photos as it was given.
    pub photos: String,
    /// Resolved device, e.g. `cpu` or `cuda:0`.
    pub device: String,
    /// Threads that the run used.
    pub threads: usize,
    /// Seed of the run.
    pub seed: u64,
    /// The config and how to run it again.
    pub config: ConfigFacts,
    /// What made the model, e.g. `pycolmap 4.2.1`.
    pub mapper_engine: Option<String>,
    /// Highest resident memory of the host process in bytes, where the system tells.
    pub peak_memory_bytes: Option<u64>,
}

/// The config of a run and how to run it again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ConfigFacts {
    /// Name of the config, e.g. `aliked+lightglue`.
    pub name: String,
    /// sha256 of the resolved config's text, hex.
    pub sha256: String,
    /// Command line that runs it again.
    pub command: String,
}

/// Copies of one thing in one direction during one stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Name of the stage, e.g. `extract`.
    pub stage: String,
    /// `to host` or `to device`.
    pub direction: String,
    /// What was copied, e.g. `pixels`.
    pub what: String,
    /// How many copies.
    pub num_copies: u64,
    /// Bytes of all.
    pub num_bytes: u64,
}

/// A plugin that took part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PluginFacts {
    /// Id, e.g. `aliked`.
    pub id: String,
    /// `extractor`, `matcher` or `mapper`.
    pub kind: String,
    /// Version of the plugin.
    pub version: String,
    /// SPDX licence of its code.
    pub license: String,
}

/// A weight file that was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WeightsFacts {
    /// Id of the plugin that read it.
    pub plugin: String,
    /// File name.
    pub name: String,
    /// sha256 of the file, hex.
    pub sha256: String,
    /// SPDX licence of the weights.
    pub license: String,
}

/// What one entry of `[[features]]` contributed; what several found counts for each of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceReport {
    /// Extractor and matcher, e.g. `aliked+lightglue`.
    pub name: String,
    /// Keypoints in all images.
    pub num_keypoints: usize,
    /// Matches of all pairs.
    pub num_matches: usize,
    /// Observations of the model's points.
    pub num_observations: usize,
}

/// Time that one stage took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageTime {
    /// Name of the stage, e.g. `extract`.
    pub name: String,
    /// Wall time in seconds.
    pub secs: f64,
    /// Number of items it went through.
    pub items: usize,
    /// What an item is, in the plural, e.g. `images`.
    pub unit: String,
    /// Whether a finished artifact was used instead of running it.
    pub reused: bool,
}

/// One input image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImageReport {
    /// Id within the run; 0 for a file that was rejected before ids were given.
    pub image_id: u32,
    /// Path relative to the photo folder.
    pub name: String,
    /// `[width, height]` in px after orientation, where the file could be read.
    pub image_size: Option<[u32; 2]>,
    /// Number of keypoints.
    pub num_keypoints: usize,
    /// Matches in all its pairs.
    pub num_matches: usize,
    /// Matches in all its pairs that passed geometric verification.
    pub num_inlier_matches: usize,
    /// Whether the exported model has its pose.
    pub registered: bool,
    /// What became of it; written as `verdict` (and `model` for `other_component`).
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Why, with figures, for a human; empty when registered.
    pub reason: String,
    /// What to try next, for a human; empty when registered.
    pub next_step: String,
    /// Variance of the Laplacian of luma (0..255) at a long side of 512 px.
    pub sharpness: Option<f64>,
    /// Projection centre in the world frame.
    pub projection_center: Option<[f64; 3]>,
    /// Keypoints that observe a point.
    pub num_observations: usize,
    /// Mean over its observations, px.
    pub mean_reprojection_error_px: Option<f64>,
}

/// What became of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Verdict {
    /// The exported model has its pose.
    Registered,
    /// The file is no image or is damaged.
    NotDecodable,
    /// Too few edges to find keypoints reliably.
    TooBlurred,
    /// Too few keypoints to match.
    TooFewKeypoints,
    /// No other image shares enough matches.
    NoOverlap,
    /// Matches, but no geometry explains them, or the mapper could not place it.
    NoGeometry,
    /// It is part of another model.
    OtherComponent {
        /// [`OtherModel::model`].
        model: usize,
    },
}

/// One pair that was matched.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PairReport {
    /// [`ImageReport::image_id`] of the image with the lower id.
    pub image1: u32,
    /// [`ImageReport::image_id`] of the image with the higher id.
    pub image2: u32,
    /// Putative matches.
    pub num_matches: usize,
    /// Matches that passed geometric verification.
    pub num_inliers: usize,
    /// What relates the images; absent when the pair was not verified.
    pub configuration: Option<TwoViewConfiguration>,
}

/// Counts of values in equal bins; the last bin also holds everything above it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Lower edge of the first bin.
    pub start: f64,
    /// Width of a bin.
    pub bin_width: f64,
    /// One count a bin.
    pub counts: Vec<u64>,
}

impl Histogram {
    /// Counts `values` in `num_bins` bins from `start`; values below the first edge go to the first bin, values above
    /// the last edge to the last, NaN nowhere.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>, start: f64, bin_width: f64, num_bins: usize) -> Self {
        let mut counts = vec![0; num_bins];
        for value in values.into_iter().filter(|value| !value.is_nan()) {
            let bin = ((value - start) / bin_width).max(0.0) as usize;
            if let Some(count) = counts.get_mut(bin.min(num_bins.saturating_sub(1))) {
                *count += 1;
            }
        }
        Self { start, bin_width, counts }
    }

    /// Reprojection errors of a model: 40 bins of 0.1 px.
    #[must_use]
    pub fn of_reprojection_errors(model: &scene3d_scene::Reconstruction) -> Self {
        Self::of(model.reprojection_errors_px(), 0.0, 0.1, 40)
    }

    /// Track lengths of a model: one bin a length, from 2 to the longest track (at most 50).
    #[must_use]
    pub fn of_track_lengths(model: &scene3d_scene::Reconstruction) -> Self {
        let lengths = || model.points3d.values().map(|point| point.track.len());
        let num_bins = lengths().max().map_or(0, |longest| longest.clamp(2, 50) - 1);
        Self::of(lengths().map(|length| length as f64), 2.0, 1.0, num_bins)
    }
}

/// A model besides the exported one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OtherModel {
    /// Its number, from 1 (the exported model is 0).
    pub model: usize,
    /// Its figures.
    pub statistics: Statistics,
    /// Names of its images.
    pub images: Vec<String>,
}

/// A file that the run wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputFile {
    /// Path relative to the run's folder, `/`-separated.
    pub path: String,
    /// Size.
    pub num_bytes: u64,
    /// What it is for.
    pub description: String,
}

impl Report {
    /// Writes `report.json`, indented.
    ///
    /// # Errors
    /// [`ExportError::Write`] if the sink fails.
    pub fn write(&self, mut sink: impl Write) -> Result<(), ExportError> {
        serde_json::to_writer_pretty(&mut sink, self).map_err(ExportError::json("report.json"))?;
        sink.write_all(b"\n").map_err(ExportError::write("report.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_flat_words() {
        let json = |verdict: Verdict| serde_json::to_string(&verdict).unwrap();
        assert_eq!(json(Verdict::TooFewKeypoints), r#"{"verdict":"too_few_keypoints"}"#);
        assert_eq!(json(Verdict::OtherComponent { model: 2 }), r#"{"verdict":"other_component","model":2}"#);
    }

    #[test]
    fn histograms_keep_what_lies_outside() {
        let histogram = Histogram::of([-1.0, 0.05, 0.1, 0.35, 99.0, f64::NAN], 0.0, 0.1, 4);
        assert_eq!(histogram.counts, [2, 1, 0, 2]);
        assert_eq!(Histogram::of([1.0], 0.0, 1.0, 0).counts, [0_u64; 0]);
    }
}
