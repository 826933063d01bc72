//! Plugin framework: config, discovery, loader, negotiation, instances.
//!
//! A run begins with [`RawConfig::load`], [`Registry::discover`] and [`negotiate`], which finds every mistake at once;
//! then [`Registry::load`] opens a plugin and [`InstancePool::spawn`] creates its stages, each on a thread of its own.

mod canonical;
pub mod config;
pub mod device;
pub mod discovery;
mod error;
mod error_code;
pub mod family;
mod host_callbacks;
mod instance;
pub mod license;
pub mod loader;
mod manifest;
mod negotiate;
mod plan;
mod plugin_health;
mod problem;
mod registry;
mod search_paths;
mod stamp_cache;
pub mod weights;

pub use canonical::canonical_json;
pub use config::{Origin, RawConfig, ResolvedConfig};
pub use error::{EngineError, PluginError, Result};
pub use error_code::{CODE_TABLE, CodeRow, code_row};
pub use host_callbacks::{HostCallbacks, LogLevel, Silent};
pub use instance::{Instance, InstanceOptions, InstancePool};
pub use manifest::{LIBTORCH_VERSION, LibraryNames, MANIFEST_FILE, Manifest, Runtime};
pub use negotiate::{negotiate, plan_extractor};
pub use plan::{FeaturesPlan, Negotiated, StagePlan, WeightFile};
pub use plugin_health::{MAX_PANICS, PluginHealth};
pub use problem::{Problem, Problems};
pub use registry::{LoadedPlugin, Registry};
pub use scene3d_abi::{ErrorCode, StageKind};
pub use search_paths::{CACHE_VARIABLE, PLUGIN_PATH_VARIABLE, SearchPaths, WEIGHTS_VARIABLE, cache_dir};
pub use stamp_cache::StampCache;
