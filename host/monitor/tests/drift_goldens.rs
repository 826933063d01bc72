//! Tests and distances against scipy, to 1e-9 (`goldens/make_drift.py`).

use scene3d_monitor::drift::hypothesis::{benjamini_hochberg, ks_two_sample, population_stability_index, wasserstein};
use serde::Deserialize;

const TOLERANCE: f64 = 1e-9;

#[derive(Deserialize)]
struct Golden {
    samples: Vec<Samples>,
    adjusted: Vec<Adjusted>,
}

#[derive(Deserialize)]
struct Samples {
    name: String,
    #[serde(default)]
    a: Vec<f64>,
    #[serde(default)]
    b: Vec<f64>,
    grids: Option<Grids>,
    ks: f64,
    p: f64,
    wasserstein: f64,
    psi: f64,
}

#[derive(Deserialize)]
struct Grids {
    sizes: [usize; 2],
    shift: f64,
    power: f64,
}

#[derive(Deserialize)]
struct Adjusted {
    p: Vec<f64>,
    adjusted: Vec<f64>,
}

fn golden() -> Golden {
    match serde_json::from_str(include_str!("goldens/drift.json")) {
        Ok(golden) => golden,
        Err(error) => unreachable!("goldens/drift.json: {error}"),
    }
}

impl Samples {
    fn sorted(&self) -> [Vec<f64>; 2] {
        let grid = |size: usize, shift: f64, power: f64| -> Vec<f64> {
            (0..size).map(|i| shift + (i as f64 / size as f64).powf(power)).collect()
        };
        let mut samples = match &self.grids {
            Some(grids) => [grid(grids.sizes[0], 0.0, 1.0), grid(grids.sizes[1], grids.shift, grids.power)],
            None => [self.a.clone(), self.b.clone()],
        };
        samples.iter_mut().for_each(|sample| sample.sort_by(f64::total_cmp));
        samples
    }
}

fn check_close(what: &str, found: f64, expected: f64) {
    let scale = expected.abs().max(1.0);
    assert!((found - expected).abs() <= TOLERANCE * scale, "{what}: {found:e}, scipy says {expected:e}");
}

#[test]
fn the_kolmogorov_smirnov_test_is_scipys() {
    for samples in golden().samples {
        let [a, b] = samples.sorted();
        for (first, second) in [(&a, &b), (&b, &a)] {
            let found = ks_two_sample(first, second);
            check_close(&format!("statistic of {}", samples.name), found.statistic, samples.ks);
            check_close(&format!("p-value of {}", samples.name), found.p_value, samples.p);
        }
    }
}

#[test]
fn small_p_values_have_scipys_digits() {
    let small = golden().samples.into_iter().filter(|samples| samples.p < 1e-6 && samples.p > 1e-100);
    let mut num_checked = 0;
    for samples in small {
        let [a, b] = samples.sorted();
        let ratio = ks_two_sample(&a, &b).p_value / samples.p;
        assert!((ratio - 1.0).abs() < 1e-8, "{}: {ratio} times scipy's p-value", samples.name);
        num_checked += 1;
    }
    assert!(num_checked >= 5, "only {num_checked} p-values are small");
}

#[test]
fn distances_are_scipys_and_numpys() {
    for samples in golden().samples {
        let [a, b] = samples.sorted();
        check_close(&format!("Wasserstein of {}", samples.name), wasserstein(&a, &b), samples.wasserstein);
        check_close(&format!("PSI of {}", samples.name), population_stability_index(&a, &b), samples.psi);
    }
}

#[test]
fn adjusted_p_values_are_scipys() {
    for adjusted in golden().adjusted {
        for (found, expected) in benjamini_hochberg(&adjusted.p).into_iter().zip(&adjusted.adjusted) {
            check_close("adjusted p-value", found, *expected);
        }
    }
}
