//! Draws, from the images of a baseline, sets that have not drifted: one as if it were a job's, one as if the baseline.
//!
//! Images are drawn whole, so that features stay as dependent as they are. The two sets never share an image: one that
//! is in both would make them more alike than new images are.

use super::baseline::FeatureBaseline;
use super::comparison::Columns;
use super::random::SplitMix64;
use super::{Feature, MIN_IMAGES};

/// How sets of one size are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sampling {
    /// The set is a random part of the images and the baseline is the rest.
    WithoutReplacement,
    /// Too few images would be left: a random half is the baseline, the set is drawn from the other half with
    /// replacement. Repeating what is in a half makes it no more like the other one, as new images would: thresholds are
    /// wider than they need be, and more photos in the baseline narrow them.
    Halves,
}

impl Sampling {
    /// As tables say it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::WithoutReplacement => "without replacement",
            Self::Halves => "from halves",
        }
    }

    pub(super) fn of(num_in_baseline: usize, num_images: usize) -> Self {
        if num_images + MIN_IMAGES <= num_in_baseline { Self::WithoutReplacement } else { Self::Halves }
    }
}

/// Images to draw from.
pub struct Population {
    num_images: usize,
    /// Values with their images, sorted upwards.
    sorted: Vec<(Feature, Vec<(f64, usize)>)>,
}

/// Two sets of one population.
pub struct Drawn {
    pub baseline: Columns,
    pub images: Columns,
}

impl Population {
    pub fn new(features: &[FeatureBaseline]) -> Self {
        let sorted = |feature: &FeatureBaseline| {
            let values = feature.values.iter().enumerate();
            let mut values: Vec<_> = values.filter_map(|(image, value)| Some(((*value)?, image))).collect();
            values.sort_by(|a, b| a.0.total_cmp(&b.0));
            (feature.feature, values)
        };
        let num_images = features.first().map_or(0, |feature| feature.values.len());
        Self { num_images, sorted: features.iter().map(sorted).collect() }
    }

    pub fn draw(&self, num_images: usize, random: &mut SplitMix64) -> Drawn {
        let mut times_drawn = vec![0_usize; self.num_images];
        let mut is_in_baseline = vec![true; self.num_images];
        match Sampling::of(self.num_images, num_images) {
            Sampling::WithoutReplacement => {
                for image in random.choose(self.num_images, num_images) {
                    times_drawn[image] = 1;
                    is_in_baseline[image] = false;
                }
            }
            Sampling::Halves => {
                let half = random.choose(self.num_images, self.num_images / 2);
                half.iter().for_each(|image| is_in_baseline[*image] = false);
                (0..num_images).for_each(|_| times_drawn[half[random.below(half.len())]] += 1);
            }
        }
        self.columns(&times_drawn, &is_in_baseline)
    }

    fn columns(&self, times_drawn: &[usize], is_in_baseline: &[bool]) -> Drawn {
        let mut drawn = Drawn { baseline: Vec::new(), images: Vec::new() };
        for (feature, values) in &self.sorted {
            let baseline = values.iter().filter(|(_, image)| is_in_baseline[*image]).map(|(value, _)| *value);
            let images = values.iter().flat_map(|(value, image)| std::iter::repeat_n(*value, times_drawn[*image]));
            drawn.baseline.push((*feature, baseline.collect()));
            drawn.images.push((*feature, images.collect()));
        }
        drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drift::Summary;

    /// One feature whose values are the images' places.
    fn population(num_images: usize) -> Population {
        let values: Vec<f64> = (0..num_images).map(|image| image as f64).collect();
        let summary = Summary::of(&values).unwrap();
        let values = values.into_iter().map(Some).collect();
        Population::new(&[FeatureBaseline { feature: Feature::Brightness, summary, values }])
    }

    #[test]
    fn the_sets_share_no_image() {
        for (num_images, num_left) in [(30, 70), (90, 10), (91, 50)] {
            let drawn = population(100).draw(num_images, &mut SplitMix64::new(5));
            let (baseline, images) = (&drawn.baseline[0].1, &drawn.images[0].1);
            assert_eq!((baseline.len(), images.len()), (num_left, num_images));
            assert!(baseline.is_sorted() && images.is_sorted());
            assert!(images.iter().all(|image| !baseline.contains(image)));
        }
    }
}
