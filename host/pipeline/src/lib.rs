//! From a folder of photos to a 3D model: read, decode, extract, pair, match, verify and map, export.
//!
//! [`reconstruct`] is the pipeline; it knows plugins only through `scene3d-engine`. Every stage's output is an artifact
//! under a content key, so what was finished is neither lost nor computed twice.

mod ahead;
mod artifacts;
mod cancel;
mod context;
mod decode;
mod error;
mod event_log;
mod exif;
mod extract;
mod extractions;
mod failure;
mod finished;
pub mod gather;
mod gathered;
mod hash;
mod html_report;
mod inherit;
mod join;
mod joined;
mod journal;
mod map;
mod match_work;
mod matching;
mod memory;
mod observer;
mod opened_photo;
mod out_folder;
mod outputs;
mod pair_found;
pub mod pairing;
mod photo_features;
mod photo_source;
mod photos;
mod plugins;
mod reconstruct;
mod resident;
mod retrieval;
mod run_record;
mod run_report;
pub mod single;
mod source_report;
mod spill;
pub mod tensor_file;
mod transfers;
mod verdict;
mod warm_instances;

pub use cancel::Cancel;
pub use decode::{DecodedPhoto, decode};
pub use error::PipelineError;
pub use failure::RunFailure;
pub use inherit::inherit_artifacts;
pub use memory::{peak_resident_bytes, reset_peak_resident_bytes};
pub use observer::{Event, Observer, StageName, TimedEvent};
pub use opened_photo::{OpenedPhoto, open_photo, small_photo};
pub use pair_found::PairFound;
pub use photo_source::{NamedFile, PhotoSource};
pub use photos::{Photo, PhotoLimits, PhotoSet, Rejected};
pub use plugins::Plugins;
pub use reconstruct::{Outcome, Request, reconstruct};
pub use warm_instances::WarmInstances;
