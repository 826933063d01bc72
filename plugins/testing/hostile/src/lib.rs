//! A plugin that misbehaves on request, for tests of the host: see [`mode`].

use scene3d_sdk::private::abi_stable::prefix_type::PrefixTypeTrait;
use scene3d_sdk::private::abi_stable::std_types::{RErr, ROk, RResult, RSlice, RStr, RVec};
use scene3d_sdk::private::scene3d_abi::{
    ABI_VERSION, AbiError, AbiVersion, CallContext, CreateRequest, OwnedPort, PluginMod, PluginModRef, Port, Stage,
    StageVt, TensorPtr,
};
use scene3d_sdk::private::{MapperStage, MatcherStage, module_of};

mod mapper;
mod matcher;
pub mod mode;
mod stage;

use mapper::HostileMapper;
use matcher::HostileMatcher;
use mode::{Config, LoadMode, Mode};
use stage::Hostile;

/// This plugin's module, for hosts that link it statically; misbehaves as the environment says.
#[must_use]
pub fn module() -> PluginModRef {
    module_as(LoadMode::of_environment())
}

/// This plugin's module, misbehaving as `mode` says (the descriptor's kind and panic depend on the environment alone).
#[must_use]
#[allow(clippy::panic)] // on request
pub fn module_as(mode: LoadMode) -> PluginModRef {
    let AbiVersion { major, minor } = ABI_VERSION;
    let abi = match mode {
        LoadMode::WrongAbiMajor => AbiVersion { major: major + 1, minor },
        LoadMode::WrongAbiMinor => AbiVersion { major, minor: minor + 1 },
        LoadMode::PanicInModule => panic!("hostile in module"),
        _ => ABI_VERSION,
    };
    let inner = module_of::<Hostile>(abi);
    let descriptor = if mode == LoadMode::BadDescriptor { bad_descriptor } else { inner.descriptor() };
    PluginMod { abi, descriptor, create, get_extension: inner.get_extension() }.leak_into_prefix()
}

/// A matcher whose matches name keypoints that do not exist.
#[must_use]
pub fn matcher_module() -> PluginModRef {
    module_of::<MatcherStage<HostileMatcher>>(ABI_VERSION)
}

/// A mapper whose model holds NaNs and worse, as its `mode` says.
#[must_use]
pub fn mapper_module() -> PluginModRef {
    module_of::<MapperStage<HostileMapper>>(ABI_VERSION)
}

extern "C" fn bad_descriptor() -> RStr<'static> {
    RStr::from("{ \"id\": ")
}

/// What the SDK would never let pass, null pointers, is put in behind its back.
extern "C" fn create(request: RStr<'_>, context: &CallContext) -> RResult<Stage, AbiError> {
    let mut stage = match module_of::<Hostile>(ABI_VERSION).create()(request, context) {
        ROk(stage) => stage,
        RErr(error) => return RErr(error),
    };
    match mode_of(request.as_str()) {
        Mode::NullStage => {
            stage.vt.destroy()(stage.state);
            stage.state = std::ptr::null_mut();
        }
        Mode::NullTensor => {
            let (get_extension, destroy) = (stage.vt.get_extension(), stage.vt.destroy());
            stage.vt = StageVt { run: run_to_null, get_extension, destroy }.leak_into_prefix();
        }
        _ => {}
    }
    ROk(stage)
}

fn mode_of(request: &str) -> Mode {
    let request = serde_json::from_str::<CreateRequest>(request);
    let config = request.and_then(|request| serde_json::from_value::<Config>(request.config));
    config.unwrap_or_default().mode
}

extern "C" fn run_to_null(
    _: *mut std::ffi::c_void,
    _: &CallContext,
    _: RSlice<'_, Port<'_>>,
) -> RResult<RVec<OwnedPort>, AbiError> {
    let port = OwnedPort { name: "0.keypoints".into(), tensor: TensorPtr(std::ptr::null_mut()) };
    ROk(vec![port].into())
}

scene3d_sdk::export_module!(module);
