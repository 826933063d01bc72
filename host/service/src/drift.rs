//! The drift check of a job's images: their statistics, measured when they were uploaded, against the baseline.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use scene3d_monitor::drift::{Baseline, DriftVerdict, ImageStatistics, KeypointStatistics, check};
use scene3d_monitor::metrics::Metrics;

use crate::error::{Result, ServiceError};
use crate::store::Store;
use crate::store::jobs::JobImage;

/// Compares images with a baseline.
#[derive(Debug)]
pub struct DriftCheck {
    baseline: Baseline,
    store: Store,
    metrics: Arc<Metrics>,
}

impl DriftCheck {
    /// With the baseline of a file that `scene3d eda` wrote.
    ///
    /// # Errors
    /// [`ServiceError::Config`] if it is none.
    pub fn read(path: &Path, store: Store, metrics: Arc<Metrics>) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(ServiceError::io("read the drift baseline", path))?;
        let unusable = |error| ServiceError::Config(format!("{}: {error}", path.display()));
        Ok(Self { baseline: Baseline::from_json(&text).map_err(unusable)?, store, metrics })
    }

    /// What images are compared with.
    #[must_use]
    pub fn baseline(&self) -> &Baseline {
        &self.baseline
    }

    /// Checks images; after extraction with what was found in them, by name.
    ///
    /// # Errors
    /// [`ServiceError`] if their statistics can't be read.
    pub async fn check(
        &self,
        images: &[JobImage],
        keypoints: &HashMap<String, KeypointStatistics>,
    ) -> Result<DriftVerdict> {
        let mut measured = Vec::with_capacity(images.len());
        for JobImage { name, sha256 } in images {
            let Some(image) = self.store.image(sha256).await? else { continue };
            let statistics: ImageStatistics =
                serde_json::from_str(&image.statistics).map_err(ServiceError::bad_row("image"))?;
            measured.push(match keypoints.get(name) {
                Some(found) => statistics.with_keypoints(*found),
                None => statistics,
            });
        }
        let verdict = check(&self.baseline, &measured);
        self.metrics.drift.checked(&verdict);
        Ok(verdict)
    }
}
