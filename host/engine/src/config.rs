//! Pipeline configs: as written (every value with where it was written) and resolved (every value there is, checked).

mod check;
mod explain;
mod nearest;
mod origin;
mod overrides;
mod raw;
mod resolved;
mod schema;
mod sections;

pub use nearest::nearest;
pub use origin::Origin;
pub use overrides::ENVIRONMENT_PREFIX;
pub use raw::RawConfig;
pub use resolved::{Entry, FeaturesConfig, ResolvedConfig, StageConfig};
pub use sections::{
    GatherSection, ImagesSection, JoinSection, PairingMethod, PairingSection, PipelineSection, host_config_schema,
};

pub(crate) use check::{Checked, check_table, unknown_key};
pub(crate) use raw::{Node, Written};
pub(crate) use sections::section_schema;
