//! Model files and reports: PLY, GLB, tiles, transforms.json, COLMAP, report.json, report.html.
//!
//! Every format has a function over `impl Write` (a pure function of its inputs: same bytes for the same scene), and
//! [`write_atomic`] turns any of them into a file that is either whole or not there.

mod atomic;
mod colmap;
mod error;
mod glb;
mod html;
mod ply;
mod preview;
mod report;
#[cfg(test)]
mod test_scene;
mod thumbnail;
mod tiles;
mod transforms;
mod upright;

pub use atomic::write_atomic;
pub use colmap::{write_colmap_binary, write_colmap_text};
pub use error::ExportError;
pub use glb::write_glb;
pub use html::{HtmlInputs, Page, write_html, write_page};
pub use ply::{decimate, default_decimated_points, write_decimated_ply, write_ply};
pub use preview::{MatchSample, best_neighbours};
pub use report::{
    ConfigFacts, Histogram, ImageReport, OtherModel, OutputFile, PairReport, PluginFacts, REPORT_SCHEMA_VERSION,
    Report, RunFacts, SourceReport, StageTime, Transfer, Verdict, WeightsFacts,
};
pub use thumbnail::Thumbnail;
pub use tiles::write_tiles;
pub use transforms::{TransformsPaths, world_from_gl_cam, write_transforms};
pub use upright::upright_from_world;
