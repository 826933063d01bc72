//! Extensions: immutable plain structs behind an id `scene3d.name/REV`. A change gets a new revision, and the host
//! offers both.

use std::ffi::c_void;

use abi_stable::std_types::{RResult, RSlice, RStr, RVec};

use crate::{AbiError, CallContext, Device, OwnedPort, Port};

/// Id of [`Prepare`], asked of a stage.
pub const PREPARE: &str = "scene3d.prepare/1";

/// A matcher that prepares each image once: features of one image in, prepared tensors of that image out.
#[repr(C)]
pub struct Prepare {
    /// Inputs as `keypoints`, `descriptors`, ... of one image; outputs are handed to `run` once a pair. `[stage-thread]`
    pub prepare: extern "C" fn(*mut c_void, &CallContext, RSlice<'_, Port<'_>>) -> RResult<RVec<OwnedPort>, AbiError>,
}

/// Id of [`struct@Copy`], asked of a stage.
pub const COPY: &str = "scene3d.copy/1";

/// A stage that copies tensors between the device it works on and host memory, so that the host needs no driver of any
/// device.
#[repr(C)]
pub struct Copy {
    /// Inputs on either side in, copies of the same names on that device out, ordered on the call's stream.
    /// `[stage-thread]`
    pub copy:
        extern "C" fn(*mut c_void, &CallContext, Device, RSlice<'_, Port<'_>>) -> RResult<RVec<OwnedPort>, AbiError>,
}

/// Id of [`CountTransfer`], asked of the host.
pub const COUNT_TRANSFER: &str = "scene3d.count_transfer/1";

/// A host that keeps account of what crosses between a device and host memory inside a call.
#[repr(C)]
pub struct CountTransfer {
    /// Where to, what, in how many copies, how many bytes in all. `[any-thread]`
    pub count: extern "C" fn(*mut c_void, Device, RStr<'_>, u64, u64),
}
