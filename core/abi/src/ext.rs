//! Extensions: immutable plain structs behind an id `scene3d.name/REV`. A change gets a new revision, and the host
//! offers both.

use std::ffi::c_void;

use abi_stable::std_types::{RResult, RSlice, RVec};

use crate::{AbiError, CallContext, OwnedPort, Port};

/// Id of [`Prepare`], asked of a stage.
pub const PREPARE: &str = "scene3d.prepare/1";

/// A matcher that prepares each image once: features of one image in, prepared tensors of that image out.
#[repr(C)]
pub struct Prepare {
    /// Inputs as `keypoints`, `descriptors`, ... of one image; outputs are handed to `run` once a pair. `[stage-thread]`
    pub prepare: extern "C" fn(*mut c_void, &CallContext, RSlice<'_, Port<'_>>) -> RResult<RVec<OwnedPort>, AbiError>,
}
