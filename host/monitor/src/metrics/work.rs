//! What stages do: time, items, and how good the models are.

use prometheus::{Gauge, Histogram, HistogramVec, IntCounter, IntCounterVec, Result};

use super::registrar::Registrar;

/// From a stage that finds its artifacts to one of thousands of photos.
const STAGE_BUCKETS_SECS: [f64; 12] = [0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 180.0, 600.0, 1800.0, 7200.0, 28_800.0];
const RATIO_BUCKETS: [f64; 9] = [0.0, 0.25, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0];
const ERROR_BUCKETS_PX: [f64; 10] = [0.1, 0.25, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 4.0];

/// Metrics of stages and models.
#[derive(Debug)]
pub struct WorkMetrics {
    stage_duration: HistogramVec,
    images: IntCounter,
    pairs: IntCounter,
    registered_ratio: Histogram,
    last_registered_ratio: Gauge,
    reprojection_error: Histogram,
    last_reprojection_error: Gauge,
    plugin_errors: IntCounterVec,
}

/// A stage that ended.
#[derive(Debug, Clone, Copy)]
pub struct StageRun<'a> {
    /// Name of the stage.
    pub stage: &'a str,
    /// Id of its plugin; empty where it has none.
    pub plugin: &'a str,
    /// `succeeded`, `failed` or `cancelled`.
    pub outcome: &'a str,
    /// How long it took.
    pub secs: f64,
}

impl WorkMetrics {
    pub(super) fn new(registrar: &Registrar<'_>) -> Result<Self> {
        Ok(Self {
            stage_duration: registrar.histograms(
                "scene3d_stage_duration_seconds",
                "Time that a stage of a job took.",
                &STAGE_BUCKETS_SECS,
                &["stage", "plugin", "outcome"],
            )?,
            images: registrar.counter("scene3d_images_processed_total", "Images that were extracted.")?,
            pairs: registrar.counter("scene3d_pairs_processed_total", "Pairs of images that were matched.")?,
            registered_ratio: registrar.histogram(
                "scene3d_registered_ratio",
                "Share of a job's images that its model holds.",
                &RATIO_BUCKETS,
            )?,
            last_registered_ratio: registrar
                .gauge("scene3d_last_registered_ratio", "Share of images that the latest model holds.")?,
            reprojection_error: registrar.histogram(
                "scene3d_reprojection_error_pixels",
                "Mean reprojection error of a model.",
                &ERROR_BUCKETS_PX,
            )?,
            last_reprojection_error: registrar
                .gauge("scene3d_last_reprojection_error_pixels", "Mean reprojection error of the latest model.")?,
            plugin_errors: registrar.counters(
                "scene3d_plugin_errors_total",
                "Errors of plugins, by plugin and stable code.",
                &["plugin", "code"],
            )?,
        })
    }

    /// A stage ended.
    pub fn stage(&self, run: &StageRun<'_>) {
        self.stage_duration.with_label_values(&[run.stage, run.plugin, run.outcome]).observe(run.secs);
    }

    /// So many more images were extracted.
    pub fn images(&self, num_images: u64) {
        self.images.inc_by(num_images);
    }

    /// So many more pairs were matched.
    pub fn pairs(&self, num_pairs: u64) {
        self.pairs.inc_by(num_pairs);
    }

    /// A model was made of `num_images`; its mean reprojection error in px, where it has points.
    pub fn model(&self, num_registered: u64, num_images: u64, mean_error_px: Option<f64>) {
        let ratio = num_registered as f64 / num_images.max(1) as f64;
        self.registered_ratio.observe(ratio);
        self.last_registered_ratio.set(ratio);
        if let Some(error_px) = mean_error_px {
            self.reprojection_error.observe(error_px);
            self.last_reprojection_error.set(error_px);
        }
    }

    /// A plugin failed with a stable code.
    pub fn plugin_error(&self, plugin: &str, code: &str) {
        self.plugin_errors.with_label_values(&[plugin, code]).inc();
    }
}
