//! What the stages of a run found, before it is written.

use std::collections::BTreeMap;

use scene3d_scene::{ImagePair, Matches};
use scene3d_wire::Mapping;

use crate::extract::Extracted;
use crate::photos::PhotoSet;

/// Outputs of all stages.
#[derive(Clone, Copy)]
pub(crate) struct Finished<'a> {
    pub photos: &'a PhotoSet,
    pub extracted: &'a Extracted,
    pub matched: &'a BTreeMap<ImagePair, Matches>,
    pub mapping: &'a Mapping,
}
