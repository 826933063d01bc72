//! Model files and reports: PLY, GLB, transforms.json, COLMAP, report.json, report.html.
//!
//! Every format has a function over `impl Write` (a pure function of its inputs: same bytes for the same scene), and
//! [`write_atomic`] turns any of them into a file that is either whole or not there.

mod atomic;
mod error;
mod report;

pub use atomic::write_atomic;
pub use error::ExportError;
pub use report::{
    ConfigFacts, Histogram, ImageReport, OtherModel, OutputFile, PairReport, PluginFacts, REPORT_SCHEMA_VERSION,
    Report, RunFacts, StageTime, Verdict, WeightsFacts,
};
