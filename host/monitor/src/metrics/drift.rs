//! Drift of what comes in, as gauges that alert rules use.

use prometheus::{GaugeVec, IntCounterVec, IntGaugeVec, Result};

use super::registrar::Registrar;
use crate::drift::{DriftStatus, DriftVerdict};

/// Metrics of drift.
#[derive(Debug)]
pub struct DriftMetrics {
    score: GaugeVec,
    p_value: GaugeVec,
    detected: IntGaugeVec,
    checks: IntCounterVec,
}

impl DriftMetrics {
    pub(super) fn new(registrar: &Registrar<'_>) -> Result<Self> {
        let score =
            "Wasserstein distance of a feature from the baseline, in its standard deviations, at the latest check.";
        let p_value = "Adjusted p-value of a feature at the latest check.";
        let detected = "Whether a feature has drifted (1) or not (0) at the latest check.";
        let checks = registrar.counters("scene3d_drift_checks_total", "Drift checks by verdict.", &["verdict"])?;
        for status in [DriftStatus::Ok, DriftStatus::Drift, DriftStatus::InsufficientData] {
            checks.with_label_values(&[status.name()]);
        }
        Ok(Self {
            score: registrar.gauges("scene3d_drift_score", score, &["feature"])?,
            p_value: registrar.gauges("scene3d_drift_p_value", p_value, &["feature"])?,
            detected: registrar.int_gauges("scene3d_drift_detected", detected, &["feature"])?,
            checks,
        })
    }

    /// Images were checked. Features that were not compared keep what the latest check of them said.
    pub fn checked(&self, verdict: &DriftVerdict) {
        self.checks.with_label_values(&[verdict.status.name()]).inc();
        for found in &verdict.features {
            let labels = [found.feature.name()];
            self.score.with_label_values(&labels).set(found.wasserstein);
            self.p_value.with_label_values(&labels).set(found.p_adjusted);
            self.detected.with_label_values(&labels).set(i64::from(found.drifted));
        }
    }
}
