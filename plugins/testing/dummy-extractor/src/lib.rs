//! A trivial extractor for tests of the host: keypoints on a grid, described by the mean colour around them.
//! No torch, no weights.

use scene3d_sdk::scene::pixel;
use scene3d_sdk::{
    CreateContext, Descriptor, Extractor, Features, Host, ImageTensor, Result, SdkError, StageKind, Tensor, describe,
    features_ports,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Config of the dummy extractor.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Bound of the long side to which images are shrunk; 0 for none.
    #[schemars(extend("x-unit" = "px"))]
    max_image_size: u32,
    /// Side of a grid cell in the shrunk image; each cell has one keypoint at its centre.
    #[schemars(range(min = 1, max = 4096), extend("x-unit" = "px"))]
    cell_size: u32,
    /// The first this many cells, row by row, are kept.
    #[schemars(range(min = 0, max = 65536), extend("x-unit" = "keypoints"))]
    max_keypoints: u32,
    /// Variant of the feature family that is emitted.
    variant: Variant,
}

/// Variants of the feature family, so that a config can decide it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Variant {
    /// `dummy-mean`
    Mean,
    /// `dummy-other`, which the dummy matcher does not accept
    Other,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_image_size: 0, cell_size: 16, max_keypoints: 1024, variant: Variant::Mean }
    }
}

/// Length of a descriptor: mean red, green and blue, and a constant, so that it is never zero.
const DESCRIPTOR_LEN: usize = 4;

/// Keypoints on a grid.
pub struct DummyExtractor {
    config: Config,
}

impl Extractor for DummyExtractor {
    type Config = Config;

    fn descriptor() -> Descriptor {
        let summary = "Keypoints on a grid with mean-colour descriptors, for tests.";
        Descriptor {
            outputs: features_ports(DESCRIPTOR_LEN, "mean colour, unit length"),
            emits_family: Some("dummy-{variant}".to_owned()),
            max_long_side_key: Some("max_image_size".to_owned()),
            ..describe(StageKind::Extractor, "dummy-extractor", env!("CARGO_PKG_VERSION"), "Apache-2.0", summary)
        }
    }

    fn create(config: Config, _: &CreateContext<'_>) -> Result<Self> {
        Ok(Self { config })
    }

    fn extract(&mut self, images: &[ImageTensor<'_>], host: &Host<'_>) -> Result<Vec<Features>> {
        let features = |image: &ImageTensor<'_>| {
            host.check_cancelled()?;
            self.features(image)
        };
        images.iter().map(features).collect()
    }
}

impl DummyExtractor {
    fn features(&self, image: &ImageTensor<'_>) -> Result<Features> {
        let &[height, width, 3] = image.pixels.shape() else {
            let message = format!("pixels have shape {:?}, expected [H, W, 3]", image.pixels.shape());
            return Err(SdkError::invalid_input(message));
        };
        let grid = Grid { size: [width as u32, height as u32], pixels: image.pixels.as_slice()? };
        let cells: Vec<[u32; 2]> = grid.cells(self.config.cell_size).take(self.config.max_keypoints as usize).collect();
        let half = self.config.cell_size as f32 / 2.0;
        let center = |[x, y]: &[u32; 2]| {
            [(*x as f32 + half, 0), (*y as f32 + half, 1)]
                .map(|(px, axis)| pixel::rescale(px, grid.size[axis], image.image_size[axis]))
        };
        let descriptors: Vec<f32> =
            cells.iter().flat_map(|cell| grid.descriptor(*cell, self.config.cell_size)).collect();
        let num_keypoints = cells.len() as i64;
        Ok(Features {
            keypoints: Tensor::from_vec(cells.iter().flat_map(center).collect(), &[num_keypoints, 2])?,
            scores: Tensor::from_vec(vec![1.0_f32; cells.len()], &[num_keypoints])?,
            descriptors: Tensor::from_vec(descriptors, &[num_keypoints, DESCRIPTOR_LEN as i64])?,
        })
    }
}

/// An image `[H, W, 3] u8` seen as square cells.
struct Grid<'a> {
    size: [u32; 2],
    pixels: &'a [u8],
}

impl Grid<'_> {
    /// Top-left corners of the whole cells, row by row.
    fn cells(&self, side: u32) -> impl Iterator<Item = [u32; 2]> {
        let [width, height] = self.size;
        (0..height / side).flat_map(move |row| (0..width / side).map(move |column| [column * side, row * side]))
    }

    /// Mean colour and a constant, unit length.
    fn descriptor(&self, [left, top]: [u32; 2], side: u32) -> [f32; DESCRIPTOR_LEN] {
        let mut sums = [0_u64; 3];
        for y in top..top + side {
            let row = (y as usize * self.size[0] as usize + left as usize) * 3;
            for pixel in self.pixels[row..row + side as usize * 3].chunks_exact(3) {
                sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += u64::from(*value));
            }
        }
        let scale = f64::from(side) * f64::from(side) * 255.0;
        let [r, g, b] = sums.map(|sum| (sum as f64 / scale) as f32);
        let length = (r * r + g * g + b * b + 1.0).sqrt();
        [r, g, b, 1.0].map(|value| value / length)
    }
}

scene3d_sdk::export_plugin!(extractor: DummyExtractor);
