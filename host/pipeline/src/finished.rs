//! What the stages of a run found, before it is written.

use scene3d_wire::Mapping;

use crate::joined::Joined;
use crate::photos::PhotoSet;

/// Outputs of all stages.
#[derive(Clone, Copy)]
pub(crate) struct Finished<'a> {
    pub photos: &'a PhotoSet,
    pub joined: &'a Joined<'a>,
    pub mapping: &'a Mapping,
}
