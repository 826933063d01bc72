//! Tests and distances of two samples, as `scipy.stats` has them. All take values sorted upwards.

mod benjamini_hochberg;
mod kolmogorov;
mod ks;
mod lattice;
mod psi;
mod wasserstein;

pub use benjamini_hochberg::benjamini_hochberg;
pub use ks::{KsTest, ks_two_sample};
pub use psi::population_stability_index;
pub use wasserstein::wasserstein;
