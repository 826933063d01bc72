//! Drift that is there is found: on photos made up for it, none of which the baseline holds.

mod population;

use std::ops::Range;

use population::{Fault, Photo};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::index;
use rayon::prelude::*;
use scene3d_monitor::drift::{Baseline, DriftVerdict, Feature, ImageStatistics, MAX_FALSE_ALARM_RATE, check};

const BASELINE: Range<u64> = 0..300;
const OTHERS: Range<u64> = 300..500;
const NUM_DRAWS: u64 = 200;
const NUM_IMAGES: usize = 30;

fn measured(photos: &[Photo], change: impl Fn(&Photo) -> Photo + Sync) -> Vec<ImageStatistics> {
    photos.par_iter().map(|photo| change(photo).statistics()).collect()
}

fn taken(numbers: Range<u64>) -> Vec<Photo> {
    numbers.into_par_iter().map(Photo::taken).collect()
}

fn check_found(baseline: &Baseline, images: &[ImageStatistics], fault: Fault, features: &[Feature]) {
    let draw = |seed| {
        let places = index::sample(&mut StdRng::seed_from_u64(seed), images.len(), NUM_IMAGES);
        check(baseline, &places.into_iter().map(|place| images[place]).collect::<Vec<_>>())
    };
    let verdicts: Vec<DriftVerdict> = (0..NUM_DRAWS).map(draw).collect();
    let is_found = |verdict: &&DriftVerdict| verdict.drifted().any(|drifted| features.contains(&drifted));
    let num_found = verdicts.iter().filter(is_found).count() as u64;
    println!("{fault:?}: found on {num_found} of {NUM_DRAWS} draws of {NUM_IMAGES} images; the first of them:");
    for found in &verdicts[0].features {
        println!("  {found:?}");
    }
    assert!(num_found * 100 >= 95 * NUM_DRAWS, "{fault:?}: found on {num_found} of {NUM_DRAWS} draws");
}

/// One test, as the photos are dear.
#[test]
fn darker_blurred_and_smaller_photos_are_found_by_calibrated_thresholds() {
    let baseline = Baseline::calibrated(&measured(&taken(BASELINE), Photo::clone), 1).unwrap();
    println!("{}", baseline.calibration);
    for row in &baseline.calibration.rows {
        assert!(row.false_alarm_rate <= MAX_FALSE_ALARM_RATE, "{row:?}");
    }
    let others = taken(OTHERS);
    for (fault, features) in [
        (Fault::Darker, &[Feature::Brightness][..]),
        (Fault::Blurred, &[Feature::Sharpness]),
        (Fault::HalfResolution, &[Feature::Width, Feature::Height]),
    ] {
        check_found(&baseline, &measured(&others, |photo| photo.with(fault)), fault, features);
    }
}
