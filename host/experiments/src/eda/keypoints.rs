//! Counts the keypoints of photos by the first extractor of a config.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use scene3d_engine::config::PipelineSection;
use scene3d_engine::{EngineError, Instance, RawConfig, Registry, SearchPaths, StagePlan, plan_extractor};
use scene3d_monitor::drift::{ImageStatistics, KeypointStatistics};
use scene3d_pipeline::single::{features_of, spawn_all};
use scene3d_pipeline::{Photo, PipelineError, decode};
use scene3d_tensor::Device;
use scene3d_wire::NamedView;

use super::Measured;
use crate::ExperimentError;

/// An extractor that is planned, not yet made.
pub struct Counter {
    registry: Registry,
    plan: StagePlan,
    pipeline: PipelineSection,
}

impl Counter {
    /// Finds every mistake in what the config says of it.
    ///
    /// # Errors
    /// [`ExperimentError::Engine`] with the mistakes.
    pub fn plan(config: &Path, assignments: &[String]) -> Result<Self, ExperimentError> {
        let raw = RawConfig::load(config, assignments)?;
        let paths = SearchPaths::new(&raw);
        let registry = Registry::discover(&paths);
        let (plan, pipeline) = plan_extractor(&raw, &registry, &paths.weights).map_err(EngineError::from)?;
        Ok(Self { registry, plan, pipeline })
    }

    /// The statistics with their keypoints, in the same order.
    ///
    /// # Errors
    /// [`ExperimentError`] if the extractor fails, or a photo can't be decoded any more.
    pub fn add_to(&self, measured: &Measured) -> Result<Vec<ImageStatistics>, ExperimentError> {
        let pool = spawn_all(&self.plan, &self.registry, &self.pipeline)?;
        let next = AtomicUsize::new(0);
        let serve = |instance: &Instance| -> Result<Vec<(usize, ImageStatistics)>, ExperimentError> {
            let mut counted = Vec::new();
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some((photo, statistics)) = measured.get(place) else { return Ok(counted) };
                counted.push((place, statistics.with_keypoints(self.count(instance, photo)?)));
            }
        };
        let mut counted = thread::scope(|scope| {
            let threads: Vec<_> = pool.instances().iter().map(|instance| scope.spawn(|| serve(instance))).collect();
            let mut counted = Vec::new();
            for thread in threads {
                let panicked = |_| PipelineError::Internal("a thread that extracts panicked".to_owned());
                counted.extend(thread.join().map_err(panicked)??);
            }
            Ok::<_, ExperimentError>(counted)
        })?;
        counted.sort_by_key(|(place, _)| *place);
        Ok(counted.into_iter().map(|(_, statistics)| statistics).collect())
    }

    fn count(&self, instance: &Instance, photo: &Photo) -> Result<KeypointStatistics, ExperimentError> {
        let decoded = decode(photo, self.plan.max_long_side_px.unwrap_or(u32::MAX)).map_err(ExperimentError::Photo)?;
        let features = features_of(instance, photo, &decoded)?;
        let scores = NamedView(vec![("scores", features.scores.view())]);
        let copied = match instance.device() {
            Device::Cpu => None,
            _ => Some(instance.copy_to(Device::Cpu, &scores).map_err(EngineError::from)?),
        };
        let here = copied.as_ref().map_or(scores, NamedView::of);
        Ok(KeypointStatistics::of_scores(here.slice::<f32>("scores").map_err(PipelineError::from)?))
    }
}
