//! The error of this crate.

/// What can go wrong while watching.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// Metrics that Prometheus' client refuses.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// Pixels that are no image.
    #[error("pixels: {num_bytes} bytes, expected {} x {} x 3", .size[0], .size[1])]
    Pixels {
        /// Bytes given.
        num_bytes: usize,
        /// `[width, height]` given.
        size: [u32; 2],
    },
    /// A baseline of too few images.
    #[error("{num_images} images, expected at least {min_images}: a baseline of fewer says little; add photos")]
    TooFewImages {
        /// Images given.
        num_images: usize,
        /// Images needed.
        min_images: usize,
    },
    /// A baseline that can't be read.
    #[error("baseline: {0}; make it again with `scene3d eda`")]
    Baseline(String),
}
