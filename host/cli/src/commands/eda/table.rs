//! A baseline as a table, and as JSON without its values.

use std::fmt::Write;
use std::path::Path;

use scene3d_monitor::drift::{Baseline, Summary};
use scene3d_pipeline::Rejected;
use serde_json::{Value, json};

/// Features with their spread, then the thresholds.
pub fn text(baseline: &Baseline, num_photos: usize) -> String {
    let kept = baseline.num_images;
    let of_all = if kept < num_photos { format!(" of {num_photos}, by chance") } else { String::new() };
    let mut text = format!("{kept} photos{of_all}\n\n");
    let shares = Summary::SHARES.map(|share| format!("{:.0} %", 100.0 * share));
    write_line(&mut text, "feature", "photos", ["mean".into(), "sd".into()].into_iter().chain(shares));
    for feature in &baseline.features {
        let Summary { num_values, mean, standard_deviation, quantiles } = feature.summary;
        let figures = [mean, standard_deviation].into_iter().chain(quantiles).map(shown);
        write_line(&mut text, feature.feature.name(), &num_values.to_string(), figures);
    }
    write!(text, "\n{}\n", baseline.calibration).ok();
    text
}

/// For machines.
pub fn json(baseline: &Baseline, out: &Path, num_photos: usize, rejected: &[Rejected]) -> Value {
    let features = baseline.features.iter();
    let rejected = rejected.iter();
    json!({
        "baseline": out.display().to_string(),
        "num_photos": num_photos,
        "num_kept": baseline.num_images,
        "features": features.map(|of| json!({ "feature": of.feature, "summary": of.summary })).collect::<Value>(),
        "calibration": baseline.calibration,
        "rejected": rejected.map(|of| json!({ "name": of.name, "reason": of.reason })).collect::<Value>(),
    })
}

fn write_line(text: &mut String, feature: &str, num_photos: &str, figures: impl Iterator<Item = String>) {
    let figures: String = figures.map(|figure| format!("  {figure:>9}")).collect();
    writeln!(text, "{feature:14}  {num_photos:>6}{figures}").ok();
}

/// Four digits that count, none behind the point for large values.
fn shown(value: f64) -> String {
    let num_digits = if value == 0.0 { 0.0 } else { (3.0 - value.abs().log10().floor()).clamp(0.0, 5.0) };
    format!("{value:.*}", num_digits as usize)
}
