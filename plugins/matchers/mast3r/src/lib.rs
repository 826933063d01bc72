//! MASt3R (Leroy, Cabon, Revaud, ECCV 2024) on libtorch: a matcher that sees both photos.
//!
//! Each image is encoded once ([`Network::encode`]); a pair is decoded from two images' tokens ([`Network::decode`]), many
//! pairs in a batch, to dense descriptors that [`reciprocal`] turns into matches.

pub mod architecture;
pub mod blocks;
pub mod coarse_to_fine;
mod config;
pub mod dense;
pub mod descriptor_head;
pub mod directions;
mod error;
pub mod keypoint_matches;
mod keywords;
pub mod layers;
pub mod manifest;
mod matcher;
pub mod model_string;
pub mod network;
pub mod outputs;
pub mod parameters;
pub mod pixel_pairs;
pub mod point_head;
pub mod prepared;
pub mod preprocess;
pub mod reciprocal;
pub mod resize;
pub mod rope;
pub mod windows;

pub use architecture::Architecture;
pub use config::{Mast3rConfig, Mode};
pub use error::{Mast3rError, Result};
pub use matcher::Mast3r;
pub use network::{ImageTokens, Network};
pub use outputs::{PointMaps, ViewMaps, Wanted};

scene3d_sdk::export_plugin!(matcher: Mast3r);
