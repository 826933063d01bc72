//! COLMAP structure from motion in a child process.
//!
//! COLMAP may abort its process, so it never runs in the host's. Two engines do the same job: `pycolmap`, driven by
//! `python/driver.py`, and `cli`, the program `colmap`. Either makes an empty database, which is filled here, verifies
//! the matches and reconstructs.
//!
//! Source: Schönberger and Frahm, "Structure-from-Motion Revisited", CVPR 2016; Pan et al., "Global
//! Structure-from-Motion Revisited", ECCV 2024.

mod caller;
mod cameras;
mod child;
mod cli;
mod config;
mod database;
mod engine;
mod find;
mod job;
mod mapper;
mod models;
mod pycolmap;

pub use caller::Caller;
pub use config::{BundleAdjustment, CameraSharing, ColmapConfig, EngineChoice, MapperKind};
pub use mapper::Colmap;

scene3d_sdk::export_plugin!(mapper: Colmap);
