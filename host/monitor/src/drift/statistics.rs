//! What is measured of one image.

use serde::{Deserialize, Serialize};

use super::Feature;
use super::pixels::{Appearance, Detail, Pixels};
use crate::MonitorError;

/// The features of one image.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ImageStatistics {
    /// Mean luma (BT.601), 0 to 255.
    pub brightness: f64,
    /// Standard deviation of luma.
    pub contrast: f64,
    /// Variance of the 4-neighbour Laplacian of luma at the stored size.
    pub sharpness: f64,
    /// Entropy of the histogram of luma in 256 levels, bits.
    pub entropy: f64,
    /// M3 of Hasler and Süsstrunk (2003).
    pub colourfulness: f64,
    /// Mean saturation of HSV, 0 to 1.
    pub saturation: f64,
    /// Standard deviation of the noise of luma at the stored size (Immerkær 1996), in 8-bit levels.
    pub noise: f64,
    /// `[width, height]` in px.
    pub size: [u32; 2],
    /// Focal length over the long side, where EXIF tells.
    #[serde(default)]
    pub focal: Option<f64>,
    /// What an extractor found, where one has looked.
    #[serde(default)]
    pub keypoints: Option<KeypointStatistics>,
}

/// What an extractor found in an image.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct KeypointStatistics {
    /// How many keypoints.
    pub count: u64,
    /// Their mean score; `None` without keypoints.
    pub mean_score: Option<f64>,
}

impl ImageStatistics {
    /// Measures pixels `[h, w, 3]`, RGB, at their stored `[width, height]`. The features of pixels do not depend on how
    /// an image is turned, so orientation need not be applied: [`Self::with_image_size`] says the size after it.
    ///
    /// # Errors
    /// [`MonitorError::Pixels`] if the pixels are not of that size, or there are none.
    pub fn measure(pixels: &[u8], size: [u32; 2]) -> Result<Self, MonitorError> {
        let pixels = Pixels::new(pixels, size)?;
        let Detail { sharpness, noise } = Detail::of(&pixels);
        let Appearance { brightness, contrast, entropy, colourfulness, saturation } = Appearance::of(&pixels);
        Ok(Self {
            brightness,
            contrast,
            sharpness,
            entropy,
            colourfulness,
            saturation,
            noise,
            size,
            focal: None,
            keypoints: None,
        })
    }

    /// With the `[width, height]` that the image has after its orientation is applied.
    #[must_use]
    pub fn with_image_size(self, size: [u32; 2]) -> Self {
        Self { size, ..self }
    }

    /// With the focal length that EXIF tells, px at the stored size.
    #[must_use]
    pub fn with_focal_px(self, focal_px: Option<f64>) -> Self {
        let long_side = f64::from(self.size[0].max(self.size[1]).max(1));
        Self { focal: focal_px.map(|focal_px| focal_px / long_side), ..self }
    }

    /// With what an extractor found.
    #[must_use]
    pub fn with_keypoints(self, keypoints: KeypointStatistics) -> Self {
        Self { keypoints: Some(keypoints), ..self }
    }

    /// The value of a feature; `None` where it is not known.
    #[must_use]
    pub fn value(&self, feature: Feature) -> Option<f64> {
        let [width, height] = self.size.map(f64::from);
        let value = match feature {
            Feature::Brightness => self.brightness,
            Feature::Contrast => self.contrast,
            Feature::Sharpness => self.sharpness,
            Feature::Entropy => self.entropy,
            Feature::Colourfulness => self.colourfulness,
            Feature::Saturation => self.saturation,
            Feature::Noise => self.noise,
            Feature::Width => width,
            Feature::Height => height,
            Feature::Aspect => width / height.max(1.0),
            Feature::Focal => self.focal?,
            Feature::KeypointCount => self.keypoints?.count as f64,
            Feature::KeypointScore => self.keypoints?.mean_score?,
        };
        value.is_finite().then_some(value)
    }
}

impl KeypointStatistics {
    /// From the scores of an image's keypoints.
    #[must_use]
    pub fn of_scores(scores: &[f32]) -> Self {
        let sum: f64 = scores.iter().map(|score| f64::from(*score)).sum();
        let mean_score = (!scores.is_empty()).then(|| sum / scores.len() as f64);
        Self { count: scores.len() as u64, mean_score }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_must_fill_their_size() {
        let error = ImageStatistics::measure(&[0; 11], [2, 2]).unwrap_err();
        assert_eq!(error.to_string(), "pixels: 11 bytes, expected 2 x 2 x 3");
        assert!(ImageStatistics::measure(&[], [0, 0]).is_err());
    }

    #[test]
    fn what_is_not_known_has_no_value() {
        let statistics = ImageStatistics::measure(&[128; 12], [2, 2]).unwrap().with_image_size([40, 20]);
        for unknown in [Feature::Focal, Feature::KeypointCount, Feature::KeypointScore] {
            assert_eq!(statistics.value(unknown), None);
        }
        let none_found = statistics.with_keypoints(KeypointStatistics::of_scores(&[]));
        assert_eq!(none_found.value(Feature::KeypointCount), Some(0.0));
        assert_eq!(none_found.value(Feature::KeypointScore), None);
        let found = statistics.with_keypoints(KeypointStatistics::of_scores(&[0.25, 0.75])).with_focal_px(Some(30.0));
        assert_eq!(found.value(Feature::KeypointScore), Some(0.5));
        assert_eq!(found.value(Feature::Focal), Some(0.75));
        assert_eq!(found.value(Feature::Aspect), Some(2.0));
    }
}
