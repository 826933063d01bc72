//! Thresholds under which images that have not drifted are hardly ever said to have.

use std::fmt::{self, Display};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::baseline::FeatureBaseline;
use super::comparison::compare;
use super::random::SplitMix64;
use super::resample::Population;
use super::verdict::Thresholds;

pub use super::resample::Sampling;

/// Share of checks without drift that may find some, over all features together.
pub const MAX_FALSE_ALARM_RATE: f64 = 0.05;
/// Share at which thresholds aim: 2000 resamples tell a rate of 3.5 % to 0.4 %, so that 5 % is out of reach of chance.
const AIMED_RATE: f64 = 0.035;
/// Numbers of images for which there are thresholds.
const NUM_IMAGES: [usize; 4] = [10, 30, 100, 300];
/// To choose a threshold, and again to measure what it does.
const NUM_RESAMPLES: u64 = 2000;
/// Level of the adjusted test; calibration widens the other threshold only.
const MAX_P_ADJUSTED: f64 = 0.05;
/// A fifth of a standard deviation is a small effect (Cohen 1988, chapter 2.2): less is never drift.
const LEAST_WASSERSTEIN: f64 = 0.2;

/// Thresholds by the number of images, and how they were found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Seed of the resamples.
    pub seed: u64,
    /// Resamples from which each threshold was chosen, and others on which its false alarms were counted.
    pub num_resamples: u64,
    /// Upwards by the number of images.
    pub rows: Vec<CalibrationRow>,
}

/// Thresholds for a number of images.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CalibrationRow {
    /// How many.
    pub num_images: usize,
    /// Both must be passed.
    pub thresholds: Thresholds,
    /// How resamples were drawn.
    pub sampling: Sampling,
    /// Share of held-out resamples of which some feature was said to have drifted.
    pub false_alarm_rate: f64,
}

/// Resamples that chose a threshold, and those that did not.
#[derive(Clone, Copy)]
enum Use {
    Choose = 0,
    HoldOut = 1,
}

impl Calibration {
    /// Resamples images that have at least one feature.
    pub(super) fn by_resampling(features: &[FeatureBaseline], seed: u64) -> Self {
        let population = Population::new(features);
        let num_in_baseline = features.first().map_or(0, |feature| feature.values.len());
        let row = |num_images| {
            let distances = |purpose: Use| alarming_distances(&population, num_images, seed, purpose);
            let min_wasserstein = least_exceeded(distances(Use::Choose)).max(LEAST_WASSERSTEIN);
            let num_alarms = distances(Use::HoldOut).into_iter().filter(|distance| *distance > min_wasserstein).count();
            CalibrationRow {
                num_images,
                thresholds: Thresholds { max_p_adjusted: MAX_P_ADJUSTED, min_wasserstein },
                sampling: Sampling::of(num_in_baseline, num_images),
                false_alarm_rate: num_alarms as f64 / NUM_RESAMPLES as f64,
            }
        };
        Self { seed, num_resamples: NUM_RESAMPLES, rows: NUM_IMAGES.into_iter().map(row).collect() }
    }

    /// Thresholds for a number of images: of the calibrated numbers beside it the wider ones, above all of them those of
    /// the greatest; `None` below all of them. Distances that arise by chance shrink as images are added, so the wider
    /// thresholds raise no more false alarms.
    #[must_use]
    pub fn thresholds(&self, num_images: usize) -> Option<Thresholds> {
        let next = self.rows.partition_point(|row| row.num_images <= num_images);
        let below = self.rows[..next].last()?;
        let is_calibrated = below.num_images == num_images;
        let above = self.rows.get(next).filter(|_| !is_calibrated).unwrap_or(below);
        Some(Thresholds {
            max_p_adjusted: below.thresholds.max_p_adjusted.min(above.thresholds.max_p_adjusted),
            min_wasserstein: below.thresholds.min_wasserstein.max(above.thresholds.min_wasserstein),
        })
    }
}

/// Of each resample the greatest distance among features that pass the test; zero where none does.
fn alarming_distances(population: &Population, num_images: usize, seed: u64, purpose: Use) -> Vec<f64> {
    let distance = |index: u64| {
        let mut random = SplitMix64::at(seed, [num_images as u64, purpose as u64, index]);
        let drawn = population.draw(num_images, &mut random);
        let compared = compare(&drawn.baseline, &drawn.images);
        let alarming = compared.iter().filter(|feature| feature.p_adjusted < MAX_P_ADJUSTED);
        alarming.map(|feature| feature.wasserstein).fold(0.0, f64::max)
    };
    (0..NUM_RESAMPLES).into_par_iter().map(distance).collect()
}

/// The least distance that at most [`AIMED_RATE`] of the others exceed.
fn least_exceeded(mut distances: Vec<f64>) -> f64 {
    distances.sort_by(|a, b| b.total_cmp(a));
    let num_above = (AIMED_RATE * distances.len() as f64).floor() as usize;
    distances.get(num_above).copied().unwrap_or(f64::INFINITY)
}

impl Display for Calibration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "images  adjusted p below  Wasserstein above  false alarms  drawn")?;
        for row in &self.rows {
            let Thresholds { max_p_adjusted, min_wasserstein } = row.thresholds;
            let rate_percent = 100.0 * row.false_alarm_rate;
            writeln!(
                formatter,
                "{:>6}  {max_p_adjusted:>16}  {min_wasserstein:>17.3}  {rate_percent:>10.2} %  {}",
                row.num_images,
                row.sampling.name()
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calibration(wasserstein: [f64; 3]) -> Calibration {
        let row = |(num_images, min_wasserstein)| CalibrationRow {
            num_images,
            thresholds: Thresholds { max_p_adjusted: 0.05, min_wasserstein },
            sampling: Sampling::WithoutReplacement,
            false_alarm_rate: 0.03,
        };
        Calibration { seed: 0, num_resamples: 100, rows: [10, 30, 100].into_iter().zip(wasserstein).map(row).collect() }
    }

    #[test]
    fn between_calibrated_numbers_the_wider_threshold_holds() {
        let wasserstein = |calibration: &Calibration, num_images| {
            calibration.thresholds(num_images).map(|thresholds| thresholds.min_wasserstein)
        };
        let falling = calibration([0.6, 0.4, 0.2]);
        assert_eq!(wasserstein(&falling, 9), None);
        assert_eq!(
            [10, 29, 30, 99, 100, 5000].map(|n| wasserstein(&falling, n)),
            [0.6, 0.6, 0.4, 0.4, 0.2, 0.2].map(Some)
        );
        let uneven = calibration([0.4, 0.6, 0.5]);
        assert_eq!([10, 11, 30, 31].map(|n| wasserstein(&uneven, n)), [0.4, 0.6, 0.6, 0.6].map(Some));
    }

    #[test]
    fn a_chosen_threshold_is_exceeded_by_the_aimed_share() {
        let distances: Vec<f64> = (0..1000).map(f64::from).collect();
        let threshold = least_exceeded(distances.clone());
        assert_eq!(distances.into_iter().filter(|distance| *distance > threshold).count(), 35);
    }
}
