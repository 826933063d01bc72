//! The frozen `repr(C)` types of the plugin boundary, major version 1. No logic.
//!
//! `PluginMod`, `StageVt` and `HostVt` never grow: abi_stable refuses an older plugin when a prefix struct gained a
//! field, which is the wrong way round for a host. Growth goes through `get_extension` and the ids in [`ext`].
//! The reasoning, with the probes that were run, stands in `docs/abi.md`; `cargo xtask tidy` fails when this file and
//! the hash written there part.
//!
//! Thread tags, after CLAP: `[any-thread]` may be called from anywhere; `[stage-thread]` only from the one thread that
//! created the stage, never twice at once.
#![allow(unsafe_code)] // abi_stable's derives implement unsafe traits for these types; there is no unsafe block here

use std::ffi::c_void;

use abi_stable::StableAbi;
use abi_stable::library::RootModule;
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::{RResult, RSlice, RStr, RString, RVec, Tuple2};

mod descriptor;
pub mod ext;

pub use descriptor::{CreateRequest, Descriptor, PortSpec, StageKind, WeightCondition, WeightSpec};

/// Version of this boundary: majors must be equal, the host's minor at least the plugin's.
pub const ABI_VERSION: AbiVersion = AbiVersion { major: 1, minor: 0 };

/// A version of the boundary.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, StableAbi)]
pub struct AbiVersion {
    /// Incompatible when different.
    pub major: u32,
    /// Additions only.
    pub minor: u32,
}

/// The one export of a plugin library. FROZEN.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginModRef)))]
#[sabi(missing_field(panic))]
pub struct PluginMod {
    /// Version of the boundary the plugin was built with.
    pub abi: AbiVersion,
    /// What the plugin declares, as JSON; lives as long as the library. `[any-thread]`
    pub descriptor: extern "C" fn() -> RStr<'static>,
    /// A configured stage, owned by the caller, who calls `destroy` once. `[stage-thread]`
    pub create: extern "C" fn(RStr<'_>, &CallContext) -> RResult<Stage, AbiError>,
    /// Null if unsupported, else a `'static` struct of the extension's type. `[any-thread]`
    #[sabi(last_prefix_field)]
    pub get_extension: extern "C" fn(RStr<'_>) -> *const c_void,
}

impl RootModule for PluginModRef {
    abi_stable::declare_root_module_statics! {PluginModRef}
    const BASE_NAME: &'static str = "scene3d_plugin";
    const NAME: &'static str = "scene3d_plugin";
    // the boundary's version, not the crate's: abi_stable refuses an older plugin where a crate's 0.x differs
    const VERSION_STRINGS: VersionStrings = VersionStrings::new("1.0.0");
}

/// A stage of a pipeline: opaque state and its functions.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct Stage {
    /// The plugin's state; never null.
    pub state: *mut c_void,
    /// Functions over it.
    pub vt: StageVtRef,
}

/// Functions of a stage. FROZEN.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = StageVtRef)))]
#[sabi(missing_field(panic))]
pub struct StageVt {
    /// Does the stage's work; inputs are borrowed for the call, outputs belong to the caller. `[stage-thread]`
    pub run: extern "C" fn(*mut c_void, &CallContext, RSlice<'_, Port<'_>>) -> RResult<RVec<OwnedPort>, AbiError>,
    /// Null if unsupported, else a `'static` struct of the extension's type. `[stage-thread]`
    pub get_extension: extern "C" fn(*mut c_void, RStr<'_>) -> *const c_void,
    /// Frees the state; nothing may be called on it afterwards. `[stage-thread]`
    #[sabi(last_prefix_field)]
    pub destroy: extern "C" fn(*mut c_void),
}

/// What the host offers to a plugin during a call. FROZEN.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = HostVtRef)))]
#[sabi(missing_field(panic))]
pub struct HostVt {
    /// Writes a line (target, message) to the host's log. `[any-thread]`
    pub log: extern "C" fn(*mut c_void, Level, RStr<'_>, RStr<'_>),
    /// Share done in 0..1 (may go back) and what is being done. `[any-thread]`
    pub progress: extern "C" fn(*mut c_void, f64, RStr<'_>),
    /// Whether the call should return `CANCELLED` soon. `[any-thread]`
    pub is_cancelled: extern "C" fn(*mut c_void) -> bool,
    /// Null if unsupported, else a `'static` struct of the extension's type. `[any-thread]`
    #[sabi(last_prefix_field)]
    pub get_extension: extern "C" fn(*mut c_void, RStr<'_>) -> *const c_void,
}

/// Where and for whom a call runs; valid during the call.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct CallContext {
    /// Functions of the host.
    pub host: HostVtRef,
    /// Passed back to them.
    pub host_data: *mut c_void,
    /// Where tensors live and work is done.
    pub device: Device,
    /// CPU threads that this call may keep busy, at least 1.
    pub threads: u32,
    /// Reads as zero.
    pub reserved32: u32,
    /// `cudaStream_t` on which the work of this call is ordered; 0 on CPU.
    pub cuda_stream: u64,
    /// Read as zero.
    pub reserved: [u64; 4],
}

/// A device by DLPack's numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, StableAbi)]
pub struct Device {
    /// `DLDeviceType`: 1 CPU, 2 CUDA.
    pub kind: i32,
    /// Number of the device of that kind.
    pub index: i32,
}

/// Level of a log line: 1 error, 2 warn, 3 info, 4 debug, 5 trace; others read as info.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, StableAbi)]
pub struct Level(pub u32);

/// A named input tensor, borrowed for the call.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct Port<'a> {
    /// Name in the descriptor, behind the item's number: `0.pixels`, `3.1.keypoints`. Valid for the call.
    pub name: RStr<'a>,
    /// The tensor; the callee neither changes nor frees it.
    pub tensor: TensorPtr,
}

/// A named output tensor; whoever holds it calls the DLPack deleter once.
#[repr(C)]
#[derive(StableAbi)]
pub struct OwnedPort {
    /// Name, as in [`Port`].
    pub name: RString,
    /// The tensor.
    pub tensor: TensorPtr,
}

/// `*mut DLManagedTensorVersioned`, DLPack major 1.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, StableAbi)]
pub struct TensorPtr(pub *mut c_void);

/// Why a call failed.
#[repr(C)]
#[derive(Debug, Clone, StableAbi)]
pub struct AbiError {
    /// Kind of failure.
    pub code: ErrorCode,
    /// What failed, expected and got.
    pub message: RString,
    /// What to try; may be empty.
    pub help: RString,
    /// Names and values for machines: port, expected, got.
    pub details: RVec<Tuple2<RString, RString>>,
}

/// Kind of failure. Append-only; an unknown number is to be read as [`ErrorCode::INTERNAL`].
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, StableAbi)]
pub struct ErrorCode(pub u32);

impl ErrorCode {
    /// A bug in the plugin or the host.
    pub const INTERNAL: Self = Self(0);
    /// The configuration is wrong.
    pub const INVALID_CONFIG: Self = Self(1);
    /// The input is wrong.
    pub const INVALID_INPUT: Self = Self(2);
    /// Something named does not exist.
    pub const NOT_FOUND: Self = Self(3);
    /// Not offered by this plugin.
    pub const UNSUPPORTED: Self = Self(4);
    /// Versions or families do not fit.
    pub const INCOMPATIBLE: Self = Self(5);
    /// A needed program, file or device is not there.
    pub const UNAVAILABLE: Self = Self(6);
    /// Memory of the host or the device is exhausted.
    pub const OUT_OF_MEMORY: Self = Self(7);
    /// The host asked to stop.
    pub const CANCELLED: Self = Self(8);
    /// A deadline passed.
    pub const TIMEOUT: Self = Self(9);
    /// The plugin panicked; its instance is poisoned.
    pub const PANICKED: Self = Self(10);
}
