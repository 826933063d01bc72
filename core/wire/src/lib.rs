//! Typed stage inputs and outputs as named DLPack tensors, in both directions.
//!
//! The SDK and the engine meet here: what one writes the other reads, so the names stand once. An item of a batch is
//! numbered in front (`3.keypoints`), an image of a pair behind that (`3.1.keypoints`, `3.2.keypoints`).

mod correspondences;
mod error;
mod features;
mod mapping;
mod match_graph;
mod matches;
mod named;

pub use correspondences::{correspondences_from_named, correspondences_to_named};
pub use error::WireError;
pub use features::{Features, ImageFeatures, ImageTensor};
pub use mapping::{Mapping, VerifiedPair};
pub use match_graph::{MatchGraph, PairMatches};
pub use matches::{PreparedPair, matches_from_named, matches_to_named};
pub use named::{Named, NamedView, Prepared, PreparedView, item, items};
