//! All a plugin author imports: one of the traits [`Extractor`], [`Matcher`], [`Mapper`], and [`export_plugin!`].
//!
//! A plugin is one library with one stage. Implement the trait of its kind for your stage, derive `Serialize`,
//! `Deserialize` and `JsonSchema` for its config, and end the file with `scene3d_sdk::export_plugin!(extractor: MyStage)`.
//! Ports, panics and the C boundary are this crate's business; `docs/writing-a-plugin.md` walks through an example.

mod describe;
mod error;
mod export;
mod host;
mod lower;
mod matcher_output;
mod schema;
mod stage;

pub use describe::{describe, features_ports, pixels_port, port};
pub use error::{Result, SdkError};
pub use host::{CreateContext, Host, LogLevel};
pub use matcher_output::{MatcherOutput, Putative};
pub use schema::{PluginConfig, config_schema};
pub use stage::{Extractor, Mapper, Matcher, StageOf};

pub use scene3d_abi::{Descriptor, ErrorCode, PortSpec, StageKind, WeightCondition, WeightSpec};
pub use scene3d_scene as scene;
pub use scene3d_tensor as tensor;
pub use scene3d_tensor::{DType, Device, Tensor, TensorView};
pub use scene3d_wire::{
    Features, ImageFeatures, ImageTensor, Mapping, MatchGraph, Named, NamedView, PairMatches, Prepared, PreparedPair,
    PreparedView, VerifiedPair,
};

/// For [`export_plugin!`] and for hosts that link a plugin statically; not for authors.
#[doc(hidden)]
pub mod private {
    pub use crate::export::module_of;
    pub use crate::lower::{ExtractorStage, MapperStage, MatcherStage};
    pub use abi_stable;
    pub use scene3d_abi;
}
