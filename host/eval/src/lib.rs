//! Accuracy against ground truth: pose AUC, RRA/RTA, centre error after Sim(3), IMC 2025 mAA; and comparison of two models.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let model = scene3d_scene::Reconstruction::default();
//! use scene3d_eval::{evaluate, ground_truth};
//! let truth = ground_truth::read("cameras/".as_ref(), &ground_truth::image_sizes(&model))?;
//! println!("{}", evaluate(&model, &truth).table());
//! # Ok(())
//! # }
//! ```

mod compare;
mod error;
mod evaluation;
pub mod ground_truth;
pub mod metrics;
mod table;

pub use compare::{Comparison, compare};
pub use error::EvalError;
pub use evaluation::{Evaluation, evaluate};
pub use ground_truth::GroundTruth;
