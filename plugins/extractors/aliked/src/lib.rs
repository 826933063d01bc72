//! ALIKED keypoints and descriptors (Zhao et al., IEEE TIM 2023).
//!
//! [`Aliked`] is the plugin's stage. On CPU the network runs on own kernels in fp32 (`cpu`), elsewhere and below fp32 as
//! torch operations (`torch_network`), on CUDA with fused kernels (`fused`); all are held against the same goldens.

mod config;
mod cpu;
mod descriptor;
mod extractor;
mod fused;
mod image;
mod keypoints;
mod parameters;
#[cfg(test)]
mod parity;
#[cfg(test)]
mod stage_tests;
mod torch_network;

use std::time::Duration;

pub use config::{Config, Model, Sizes};
pub use cpu::{CpuNetwork, Workspace};
pub use extractor::Aliked;
pub use image::RgbImage;
pub use keypoints::{Detections, Selection};
pub use parameters::Parameters;

/// Time that each step of the CPU network took, summed over images.
#[derive(Debug, Clone, Copy, Default)]
pub struct StepTimes {
    /// The four blocks.
    pub encode: Duration,
    /// Aggregation and score head.
    pub score: Duration,
    /// Suppression, selection, refinement.
    pub detect: Duration,
    /// Descriptors.
    pub describe: Duration,
}

scene3d_sdk::export_plugin!(extractor: Aliked);
