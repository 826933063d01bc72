//! Measures a combination as a whole: a run of the pipeline, and how near its model comes to the truth.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use scene3d_engine::{EngineError, Registry, SearchPaths, negotiate};
use scene3d_eval::{Evaluation, evaluate, ground_truth};
use scene3d_pipeline::{Cancel, Event, Observer, PhotoLimits, PhotoSource, Plugins, peak_resident_bytes, reconstruct};

use super::figures::ReconstructFigures;
use super::one::Request;

use crate::model_folder;

/// Thresholds of the AUC.
const AUC_DEG: [f64; 3] = [1.0, 3.0, 5.0];

/// Reconstructs the whole folder and evaluates the model.
pub fn measure(request: &Request, out: &Path, name: &str, truth: &Path) -> Result<ReconstructFigures> {
    let raw = request.config.load()?;
    let paths = SearchPaths::new(&raw);
    let plugins = Plugins::new(Registry::discover(&paths));
    let run = scene3d_pipeline::Request {
        photos: PhotoSource::from(request.photos.as_path()),
        out: out.to_owned(),
        config_name: name.to_owned(),
        negotiated: negotiate(&raw, &plugins.registry, &paths.weights).map_err(EngineError::from)?,
        resume: false,
        limits: PhotoLimits::default(),
        command: String::new(),
    };
    let outcome = reconstruct(&run, &plugins, Arc::new(Quiet), &Cancel::default())?;
    let model = model_folder::read(out)?;
    let truth = ground_truth::read(truth, &ground_truth::image_sizes(&model))
        .with_context(|| format!("no ground truth could be read from {}", truth.display()))?;
    let evaluation = evaluate(&model, &truth);
    Ok(ReconstructFigures {
        total_secs: outcome.secs,
        num_registered: evaluation.num_registered,
        num_images: evaluation.num_images,
        auc_percent: AUC_DEG.map(|threshold_deg| auc_percent(&evaluation, threshold_deg)),
        center_error_rms: evaluation.center_error.map(|error| error.rms),
        center_error_median: evaluation.center_error.map(|error| error.median),
        peak_resident_bytes: peak_resident_bytes(),
        run: out.to_owned(),
    })
}

/// What a run says is in its folder's log.
struct Quiet;

impl Observer for Quiet {
    fn event(&self, _: Event) {}
}

fn auc_percent(evaluation: &Evaluation, threshold_deg: f64) -> f64 {
    let at = evaluation.pose_auc.iter().find(|at| at.threshold_deg == threshold_deg);
    at.map_or(f64::NAN, |at| at.percent)
}
