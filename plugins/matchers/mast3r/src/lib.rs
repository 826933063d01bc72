//! MASt3R (Leroy, Cabon, Revaud, ECCV 2024) on libtorch: network, preprocessing and fast reciprocal nearest neighbours.
//!
//! Each image is encoded once ([`Network::encode`]); a pair is decoded from two images' tokens ([`Network::decode`]), many
//! pairs in a batch, to dense descriptors that [`reciprocal`] turns into matches.

pub mod architecture;
pub mod blocks;
pub mod correspondences;
pub mod descriptor_head;
mod error;
mod keywords;
pub mod layers;
pub mod manifest;
pub mod model_string;
pub mod network;
pub mod outputs;
pub mod parameters;
pub mod point_head;
pub mod preprocess;
pub mod reciprocal;
pub mod resize;
pub mod rope;

pub use architecture::Architecture;
pub use error::{Mast3rError, Result};
pub use network::{ImageTokens, Network};
pub use outputs::{PointMaps, ViewMaps, Wanted};
