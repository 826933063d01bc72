//! Baselines of made-up statistics: false alarms on new images, what is kept, what is refused.
#![allow(clippy::unwrap_used)] // a helper of tests too

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rayon::prelude::*;
use scene3d_monitor::drift::{
    Baseline, DriftStatus, Feature, ImageStatistics, KeypointStatistics, MAX_BASELINE_IMAGES, MAX_FALSE_ALARM_RATE,
    MIN_BASELINE_IMAGES, check,
};

/// An image of a population with what real ones have: dependent features, long tails, ties, gaps.
fn image(random: &mut StdRng) -> ImageStatistics {
    let mut normal = || (0..12).map(|_| random.random_range(0.0..1.0)).sum::<f64>() - 6.0;
    let [light, detail, colour, other] = [normal(), normal(), normal(), normal()];
    let is_landscape = random.random_bool(0.7);
    let long = if random.random_bool(0.6) { 4000 } else { 3264 };
    ImageStatistics {
        brightness: 110.0 + 30.0 * light,
        contrast: 45.0 + 8.0 * light + 6.0 * detail,
        sharpness: (5.0 + detail).exp(),
        entropy: 7.2 + 0.2 * light + 0.1 * other,
        colourfulness: (3.2 + 0.4 * colour).exp(),
        saturation: 0.3 + 0.08 * colour,
        noise: (0.5 + 0.3 * detail + 0.3 * other).exp(),
        size: if is_landscape { [long, long * 3 / 4] } else { [long * 3 / 4, long] },
        focal: random.random_bool(0.5).then_some(if long == 4000 { 0.81 } else { 0.87 }),
        keypoints: Some(KeypointStatistics::of_scores(&vec![0.5; (900.0 + 100.0 * detail) as usize])),
    }
}

fn images(num_images: usize, seed: u64) -> Vec<ImageStatistics> {
    let mut random = StdRng::seed_from_u64(seed);
    (0..num_images).map(|_| image(&mut random)).collect()
}

/// False alarms among new images of the same population, over several baselines: one alone may be unlucky.
fn check_false_alarms(num_in_baseline: usize) {
    const NUM_BASELINES: u64 = 5;
    const NUM_CHECKS: u64 = 300;
    let mut num_alarms = [0_u64; 4];
    for seed in 0..NUM_BASELINES {
        let baseline = Baseline::calibrated(&images(num_in_baseline, seed), seed).unwrap();
        for (row, num_alarms) in baseline.calibration.rows.iter().zip(&mut num_alarms) {
            assert!(row.false_alarm_rate <= MAX_FALSE_ALARM_RATE, "{row:?}");
            let drifted = |check_seed: &u64| {
                let new = images(row.num_images, 1_000_000 * (seed + 1) + 1000 * row.num_images as u64 + check_seed);
                check(&baseline, &new).status == DriftStatus::Drift
            };
            *num_alarms += (0..NUM_CHECKS).into_par_iter().filter(drifted).count() as u64;
        }
        if seed == 0 {
            println!("{}", baseline.calibration);
        }
    }
    let num_checks = NUM_BASELINES * NUM_CHECKS;
    println!(
        "{num_in_baseline} in the baseline: {num_alarms:?} false alarms of {num_checks} at 10, 30, 100, 300 images"
    );
    for num_alarms in num_alarms {
        assert!(num_alarms as f64 <= MAX_FALSE_ALARM_RATE * num_checks as f64, "{num_alarms} of {num_checks}");
    }
}

#[test]
fn new_images_raise_few_false_alarms_with_a_large_baseline() {
    check_false_alarms(500);
}

#[test]
fn new_images_raise_few_false_alarms_with_a_small_baseline() {
    check_false_alarms(40);
}

#[test]
fn the_same_images_and_seed_make_the_same_baseline() {
    let images = images(60, 1);
    let baseline = Baseline::calibrated(&images, 7).unwrap();
    assert_eq!(baseline, Baseline::calibrated(&images, 7).unwrap());
    assert_ne!(baseline.calibration, Baseline::calibrated(&images, 8).unwrap().calibration);
}

#[test]
fn a_baseline_is_bounded_and_read_back_as_it_was() {
    let baseline = Baseline::calibrated(&images(MAX_BASELINE_IMAGES + 50, 1), 0).unwrap();
    assert_eq!(baseline.num_images, MAX_BASELINE_IMAGES);
    let json = baseline.to_json().unwrap();
    assert!(json.len() < 500_000, "{} bytes", json.len());
    assert_eq!(Baseline::from_json(&json).unwrap(), baseline);
}

#[test]
fn features_that_too_few_images_tell_are_left_out() {
    let mut images = images(60, 1);
    images.iter_mut().skip(MIN_BASELINE_IMAGES - 1).for_each(|image| image.focal = None);
    let baseline = Baseline::calibrated(&images, 0).unwrap();
    assert!(baseline.features.iter().all(|feature| feature.feature != Feature::Focal));
    assert_eq!(baseline.features.len(), Feature::ALL.len() - 1);
}

#[test]
fn before_extraction_keypoints_are_not_compared() {
    let baseline = Baseline::calibrated(&images(60, 1), 0).unwrap();
    let new: Vec<_> = images(20, 2).into_iter().map(|image| ImageStatistics { keypoints: None, ..image }).collect();
    let verdict = check(&baseline, &new);
    let compared: Vec<Feature> = verdict.features.iter().map(|feature| feature.feature).collect();
    assert!(!compared.contains(&Feature::KeypointCount) && compared.contains(&Feature::Brightness));
}

#[test]
fn few_images_are_insufficient() {
    let baseline = Baseline::calibrated(&images(60, 1), 0).unwrap();
    let verdict = check(&baseline, &images(9, 2));
    assert_eq!((verdict.status, verdict.num_images), (DriftStatus::InsufficientData, 9));
    assert!(verdict.features.is_empty() && verdict.thresholds.is_none());
    let error = Baseline::calibrated(&images(MIN_BASELINE_IMAGES - 1, 1), 0).unwrap_err().to_string();
    assert!(error.starts_with("19 images, expected at least 20"), "{error}");
}

#[test]
fn damaged_baselines_are_refused() {
    let json = Baseline::calibrated(&images(30, 1), 0).unwrap().to_json().unwrap();
    let damaged = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut value: serde_json::Value = serde_json::from_str(&json).unwrap();
        change(&mut value);
        Baseline::from_json(&value.to_string()).unwrap_err().to_string()
    };
    for (error, words) in [
        (damaged(&|value| value["schema_version"] = 2.into()), "schema_version is 2, expected 1"),
        (damaged(&|value| value["num_images"] = 3.into()), "3 images, expected 20 to 1000"),
        (damaged(&|value| value["num_images"] = 31.into()), "brightness has 30 values"),
        (damaged(&|value| value["calibration"]["rows"] = serde_json::json!([])), "no rows"),
        (damaged(&|value| value["features"][0]["values"] = serde_json::json!([null])), "has 1 values"),
        (Baseline::from_json("{").unwrap_err().to_string(), "make it again with `scene3d eda`"),
    ] {
        assert!(error.contains(words), "expected `{words}` in `{error}`");
    }
}
