//! A rendering with every metric touched, as a scrape and `promtool` see it.

use std::io::Write;
use std::process::{Command, Stdio};

use super::*;
use crate::drift::{DriftStatus, DriftVerdict, Feature, FeatureVerdict, Histogram};
use crate::tracking::TrackingStatus;

fn drifted() -> DriftVerdict {
    let found = FeatureVerdict {
        feature: Feature::Brightness,
        num_values: 30,
        ks: 0.5,
        p: 1e-4,
        p_adjusted: 1e-3,
        psi: 0.7,
        wasserstein: 1.25,
        drifted: true,
        baseline_mean: 110.0,
        mean: 80.0,
        histogram: Histogram { edges: vec![80.0, 95.0, 110.0], baseline: vec![0.0, 1.0], images: vec![1.0, 0.0] },
    };
    DriftVerdict { status: DriftStatus::Drift, num_images: 30, thresholds: None, features: vec![found] }
}

/// Everything a service may record, once.
fn touched() -> Metrics {
    let metrics = Metrics::new("1.2.3").unwrap();
    let request = HttpRequest { route: Some("/api/v1/jobs/{id}"), method: "GET", status: 200, secs: 0.02 };
    metrics.http.answered(&request);
    metrics.http.answered(&HttpRequest { route: None, method: "BREW", status: 404, secs: 0.001 });
    metrics.jobs.set_state("running", 1);
    metrics.jobs.finished("failed", "out_of_memory");
    metrics.jobs.set_queue_depth(3);
    metrics.jobs.waited(12.0);
    metrics.work.stage(&StageRun { stage: "extract", plugin: "aliked", outcome: "succeeded", secs: 4.0 });
    metrics.work.images(11);
    metrics.work.pairs(55);
    metrics.work.model(9, 10, Some(0.7));
    metrics.work.plugin_error("aliked", "out_of_memory");
    metrics.uploads.received("tus", 4096);
    metrics.uploads.finished("ready");
    metrics.uploads.webhook("delivered");
    metrics.drift.checked(&drifted());
    metrics.devices.set_resident_bytes("cuda:0", 1 << 20);
    metrics.devices.sample_gpus();
    metrics.devices.touch_gpu("0");
    metrics.devices.transferred("to_device", 2, 1 << 20);
    metrics.access.auth_failure("expired");
    metrics.access.rate_limited("queue_full");
    drop(metrics.access.listener());
    metrics.worker.restarted();
    let tracking = TrackingStatus { num_waiting: 12, num_sent: 30, num_failures: 2, ..TrackingStatus::default() };
    // what is set twice counts once
    (0..2).for_each(|_| metrics.tracking.set(&tracking));
    metrics
}

#[test]
fn what_was_recorded_is_rendered() {
    let text = touched().render().unwrap();
    for line in [
        "scene3d_build_info{version=\"1.2.3\"} 1",
        "scene3d_http_request_duration_seconds_count{method=\"GET\",route=\"/api/v1/jobs/{id}\",status_class=\"2xx\"} 1",
        "scene3d_http_request_duration_seconds_count{method=\"other\",route=\"other\",status_class=\"4xx\"} 1",
        "scene3d_jobs{state=\"queued\"} 0",
        "scene3d_jobs{state=\"running\"} 1",
        "scene3d_jobs_finished_total{code=\"out_of_memory\",outcome=\"failed\"} 1",
        "scene3d_queue_depth 3",
        "scene3d_registered_ratio_sum 0.9",
        "scene3d_last_reprojection_error_pixels 0.7",
        "scene3d_upload_bytes_total{kind=\"tus\"} 4096",
        "scene3d_drift_score{feature=\"brightness\"} 1.25",
        "scene3d_drift_detected{feature=\"brightness\"} 1",
        "scene3d_drift_checks_total{verdict=\"drift\"} 1",
        "scene3d_drift_checks_total{verdict=\"ok\"} 0",
        "scene3d_transfers_total{direction=\"to_device\"} 2",
        "scene3d_sse_listeners 0",
        "scene3d_worker_up 1",
        "scene3d_worker_restarts_total 1",
        "scene3d_tracking_records_waiting 12",
        "scene3d_tracking_records_sent_total 30",
        "scene3d_tracking_send_failures_total 2",
        "scene3d_tracking_records_refused_total 0",
    ] {
        assert!(text.lines().any(|found| found == line), "expected `{line}` in\n{text}");
    }
}

#[test]
fn every_metric_was_touched_and_none_names_a_job_a_user_or_a_file() {
    let metrics = touched();
    let families = metrics.registry.gather();
    for family in &families {
        assert!(family.name().starts_with("scene3d_"), "{}", family.name());
        for label in family.get_metric().iter().flat_map(|metric| metric.get_label()) {
            let name = label.name();
            assert!(!["job", "user", "file", "name", "id", "image"].contains(&name), "{}: {name}", family.name());
        }
    }
    // an untouched vector has no family
    assert_eq!(families.len(), NUM_METRICS, "touch new metrics in `touched`, and count them here");
}

/// Metrics that the modules beside this one register.
const NUM_METRICS: usize = 35;

#[test]
fn promtool_finds_nothing_to_complain_of() {
    let text = touched().render().unwrap();
    let tool = Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut tool) = tool else {
        eprintln!("skipped: there is no promtool; it comes with the package `prometheus`");
        return;
    };
    tool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = tool.wait_with_output().unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaints.trim().is_empty(), "{complaints}\n{text}");
}
