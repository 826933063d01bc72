//! {{name}}: an extractor for scene3d.

use scene3d_sdk::{
    CreateContext, Descriptor, Extractor, Features, Host, ImageTensor, Result, StageKind, Tensor, describe,
    export_plugin, features_ports,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Corners on a regular grid, described by the colour around them: replace it with something better.
pub struct Stage {
    config: Config,
}

/// Config keys; doc comments become `scene3d plugin inspect`'s help.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Long side to which the host reduces photos, px.
    #[schemars(range(min = 64), extend("x-unit" = "px"))]
    pub max_image_size: u32,
    /// Distance between keypoints, px of the reduced photo.
    #[schemars(range(min = 4, max = 256), extend("x-unit" = "px"))]
    pub spacing: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_image_size: 1024, spacing: 16 }
    }
}

/// Length of a descriptor: mean colours of the four quarters of a cell.
const DIM: usize = 12;

impl Extractor for Stage {
    type Config = Config;

    fn descriptor() -> Descriptor {
        let summary = "keypoints on a grid";
        Descriptor {
            outputs: features_ports(DIM, "unit length"),
            emits_family: Some("{{name}}".into()),
            max_long_side_key: Some("max_image_size".into()),
            ..describe(StageKind::Extractor, "{{name}}", env!("CARGO_PKG_VERSION"), "Apache-2.0", summary)
        }
    }

    fn create(config: Config, _: &CreateContext<'_>) -> Result<Self> {
        Ok(Self { config })
    }

    fn extract(&mut self, images: &[ImageTensor<'_>], host: &Host<'_>) -> Result<Vec<Features>> {
        let extract_one = |image| {
            host.check_cancelled()?;
            self.extract_one(image)
        };
        images.iter().map(extract_one).collect()
    }
}

impl Stage {
    fn extract_one(&self, image: &ImageTensor<'_>) -> Result<Features> {
        let pixels = image.pixels.as_slice::<u8>()?;
        let &[height, width, _] = image.pixels.shape() else {
            return Err(scene3d_sdk::SdkError::invalid_input("pixels must be [H, W, 3]"));
        };
        let (height, width, half) = (height as usize, width as usize, self.config.spacing as usize / 2);
        let scale = [image.image_size[0] as f32 / width as f32, image.image_size[1] as f32 / height as f32];
        let (mut keypoints, mut descriptors) = (Vec::new(), Vec::new());
        for y in (half..height.saturating_sub(half)).step_by(2 * half) {
            for x in (half..width.saturating_sub(half)).step_by(2 * half) {
                // the half-pixel rule: index 0 is the pixel whose centre lies at 0.5
                keypoints.extend([(x as f32 + 0.5) * scale[0], (y as f32 + 0.5) * scale[1]]);
                descriptors.extend(cell_colors(pixels, width, [x, y], half));
            }
        }
        let n = keypoints.len() / 2;
        Ok(Features {
            keypoints: Tensor::from_vec(keypoints, &[n as i64, 2])?,
            scores: Tensor::from_vec(vec![1.0_f32; n], &[n as i64])?,
            descriptors: Tensor::from_vec(descriptors, &[n as i64, DIM as i64])?,
        })
    }
}

fn cell_colors(pixels: &[u8], width: usize, [x, y]: [usize; 2], half: usize) -> [f32; DIM] {
    let mut descriptor = [0.0_f32; DIM];
    for v in y - half..y + half {
        for u in x - half..x + half {
            let quarter = usize::from(u >= x) + 2 * usize::from(v >= y);
            for channel in 0..3 {
                descriptor[3 * quarter + channel] += f32::from(pixels[3 * (v * width + u) + channel]) + 1.0;
            }
        }
    }
    let norm = descriptor.iter().map(|value| value * value).sum::<f32>().sqrt();
    descriptor.map(|value| value / norm)
}

export_plugin!(extractor: Stage);
