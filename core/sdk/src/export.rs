//! `export_plugin!` and the `extern "C"` shims behind it: the only place where a plugin meets the boundary.
//!
//! Every shim catches panics inside the plugin's own std (abi_stable's guard would end the process, and another std's
//! panic can't be caught) and poisons that instance: later calls answer `PANICKED` until the host recreates it.
#![allow(unsafe_code)] // the boundary itself

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::{Mutex, PoisonError};

use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::std_types::{RErr, ROk, RResult, RSlice, RStr, RVec};
use scene3d_abi::ext::{COPY, COUNT_TRANSFER, Copy, CountTransfer, PREPARE, Prepare};
use scene3d_abi::{
    ABI_VERSION, AbiError, AbiVersion, CallContext, Device as AbiDevice, ErrorCode, OwnedPort, PluginMod, PluginModRef,
    Port, Stage, StageVt, StageVtRef, TensorPtr,
};
use scene3d_tensor::{Device, TensorView};
use scene3d_wire::{Named, NamedView};

use crate::{Host, Result, SdkError, StageOf};

/// Exports a stage as this library's plugin: `export_plugin!(extractor: MyStage)`, `matcher:` or `mapper:`.
///
/// The symbol itself is behind the crate's feature `export`, so that plugins can also be linked statically: two rlibs
/// with the same export would clash. `module()` is what a static host passes to `loader::load_static`.
#[macro_export]
macro_rules! export_plugin {
    (extractor: $stage:ty) => {
        $crate::export_plugin!(@ $crate::private::ExtractorStage<$stage>);
    };
    (matcher: $stage:ty) => {
        $crate::export_plugin!(@ $crate::private::MatcherStage<$stage>);
    };
    (mapper: $stage:ty) => {
        $crate::export_plugin!(@ $crate::private::MapperStage<$stage>);
    };
    (@ $stage:ty) => {
        /// This plugin's module, for hosts that link it statically.
        #[must_use]
        pub fn module() -> $crate::private::scene3d_abi::PluginModRef {
            $crate::private::module_of::<$stage>($crate::private::scene3d_abi::ABI_VERSION)
        }

        $crate::export_module!(module);
    };
}

/// Exports what a function without arguments answers as this library's module.
///
/// Written out from `abi_stable::export_root_module`, which names `::abi_stable`: plugins depend on the SDK alone.
#[doc(hidden)]
#[macro_export]
macro_rules! export_module {
    ($module:path) => {
        #[cfg(feature = "export")]
        #[allow(unsafe_code, missing_docs)] // the exported symbol is what makes this library a plugin
        const _: () = {
            use $crate::private::abi_stable::library::{
                __call_root_module_loader, CheckTypeLayout, LibHeader, RootModuleResult,
            };

            extern "C" fn erased_module() -> RootModuleResult {
                __call_root_module_loader(|| $module())
            }

            // SAFETY: the name is abi_stable's own for this static, of which a library has one.
            #[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
            pub static ROOT_MODULE: LibHeader =
                // SAFETY: `erased_module` returns the prefix of a `PluginModRef`.
                unsafe {
                    LibHeader::from_constructor::<$crate::private::scene3d_abi::PluginModRef>(
                        erased_module,
                        CheckTypeLayout::Yes,
                    )
                };
        };
    };
}

/// The module of a stage type. `abi` is [`ABI_VERSION`] but in tests of the refusal of other versions.
#[must_use]
pub fn module_of<S: StageOf>(abi: AbiVersion) -> PluginModRef {
    // abi_stable wants a leaked module; hosts ask once a library
    PluginMod { abi, descriptor: descriptor::<S>, create: create::<S>, get_extension: no_module_extension }
        .leak_into_prefix()
}

struct Instance<S> {
    stage: S,
    plugin_id: String,
    is_poisoned: bool,
}

/// Descriptors by stage type, leaked on first use: they live as long as the library, which is never unloaded.
static DESCRIPTORS: Mutex<BTreeMap<TypeId, &'static str>> = Mutex::new(BTreeMap::new());

extern "C" fn descriptor<S: StageOf>() -> RStr<'static> {
    let text = || catch_panic(|| Ok(serde_json::to_string(&S::descriptor()).unwrap_or_default())).unwrap_or_default();
    let leaked = || Box::leak(text().into_boxed_str()) as &'static str;
    let mut known = DESCRIPTORS.lock().unwrap_or_else(PoisonError::into_inner);
    RStr::from(*known.entry(TypeId::of::<S>()).or_insert_with(leaked))
}

extern "C" fn no_module_extension(_: RStr<'_>) -> *const c_void {
    ptr::null()
}

extern "C" fn create<S: StageOf>(request: RStr<'_>, context: &CallContext) -> RResult<Stage, AbiError> {
    let created = catch_panic(|| {
        let stage = S::create(request.as_str(), context)?;
        Ok(Instance { stage, plugin_id: S::descriptor().id, is_poisoned: false })
    });
    let into_stage =
        |instance: Instance<S>| Stage { state: Box::into_raw(Box::new(instance)).cast(), vt: stage_vt::<S>() };
    created.map(into_stage).map_err(AbiError::from).into()
}

fn stage_vt<S: StageOf>() -> StageVtRef {
    StageVt { run: run::<S>, get_extension: stage_extension::<S>, destroy: destroy::<S> }.leak_into_prefix()
}

extern "C" fn run<S: StageOf>(
    state: *mut c_void,
    context: &CallContext,
    inputs: RSlice<'_, Port<'_>>,
) -> RResult<RVec<OwnedPort>, AbiError> {
    call::<S>(state, context, inputs, S::run)
}

extern "C" fn prepare<S: StageOf>(
    state: *mut c_void,
    context: &CallContext,
    inputs: RSlice<'_, Port<'_>>,
) -> RResult<RVec<OwnedPort>, AbiError> {
    call::<S>(state, context, inputs, S::prepare)
}

extern "C" fn copy<S: StageOf>(
    state: *mut c_void,
    context: &CallContext,
    device: AbiDevice,
    inputs: RSlice<'_, Port<'_>>,
) -> RResult<RVec<OwnedPort>, AbiError> {
    call::<S>(state, context, inputs, |stage, tensors, host| {
        stage.copy_to(Device::from_numbers(device.kind, device.index)?, tensors, host)
    })
}

fn call<S: StageOf>(
    state: *mut c_void,
    context: &CallContext,
    inputs: RSlice<'_, Port<'_>>,
    body: impl FnOnce(&mut S, &NamedView<'_>, &Host<'_>) -> Result<Named>,
) -> RResult<RVec<OwnedPort>, AbiError> {
    // SAFETY: the host passes the state that `create::<S>` returned, from one thread, never twice at once.
    let Some(instance) = (unsafe { state.cast::<Instance<S>>().as_mut() }) else {
        return RErr(SdkError::invalid_input("stage state is null").into());
    };
    if instance.is_poisoned {
        return RErr(poisoned().into());
    }
    let outcome = catch_panic(|| {
        let inputs = borrow_ports(&inputs)?;
        body(&mut instance.stage, &inputs, &Host::new(context, &instance.plugin_id))
    });
    match outcome {
        Ok(outputs) => ROk(outputs.into_iter().map(owned_port).collect()),
        Err(error) => {
            instance.is_poisoned = error.code == ErrorCode::PANICKED;
            RErr(error.into())
        }
    }
}

fn borrow_ports<'a>(ports: &'a [Port<'a>]) -> Result<NamedView<'a>> {
    let borrow = |port: &'a Port<'a>| {
        // SAFETY: the host keeps input tensors alive and unchanged for the call.
        let view = unsafe { TensorView::from_raw(port.tensor.0) };
        let name = port.name.as_str();
        view.map(|view| (name, view)).map_err(|error| SdkError::from(error).detail("port", name))
    };
    Ok(NamedView(ports.iter().map(borrow).collect::<Result<_>>()?))
}

fn owned_port((name, tensor): (String, scene3d_tensor::Tensor)) -> OwnedPort {
    OwnedPort { name: name.into(), tensor: TensorPtr(tensor.into_raw()) }
}

extern "C" fn stage_extension<S: StageOf>(_: *mut c_void, id: RStr<'_>) -> *const c_void {
    if S::PREPARES && id.as_str() == PREPARE {
        let extension: &'static Prepare = const { &Prepare { prepare: prepare::<S> } };
        return ptr::from_ref(extension).cast();
    }
    if id.as_str() == COPY {
        let extension: &'static Copy = const { &Copy { copy: copy::<S> } };
        return ptr::from_ref(extension).cast();
    }
    ptr::null()
}

/// Tells the host what crossed between a device and host memory; an older host keeps no account.
pub(crate) fn count_transfer(context: &CallContext, to: Device, what: &str, num_copies: u64, num_bytes: u64) {
    let extension = context.host.get_extension()(context.host_data, RStr::from_str(COUNT_TRANSFER));
    // SAFETY: the ABI says that a non-null answer to this id is a `'static` `CountTransfer`.
    if let Some(extension) = unsafe { extension.cast::<CountTransfer>().as_ref() } {
        let (kind, index) = to.to_numbers();
        (extension.count)(context.host_data, AbiDevice { kind, index }, what.into(), num_copies, num_bytes);
    }
}

extern "C" fn destroy<S: StageOf>(state: *mut c_void) {
    if !state.is_null() {
        // SAFETY: the host passes the state that `create::<S>` returned, once, and never uses it again.
        let instance = unsafe { Box::from_raw(state.cast::<Instance<S>>()) };
        // a panic in the author's Drop must not cross the boundary; the instance is gone either way
        let _ = catch_panic(move || {
            drop(instance);
            Ok(())
        });
    }
}

fn catch_panic<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| {
        let error = panicked(&*payload);
        // a payload may panic when it is dropped, which nothing would catch
        std::mem::forget(payload);
        Err(error)
    })
}

fn panicked(payload: &(dyn Any + Send)) -> SdkError {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    SdkError { code: ErrorCode::PANICKED, ..SdkError::internal(format!("the plugin panicked: {text}")) }
        .help("this is a bug of the plugin: report it to its author with the log")
}

fn poisoned() -> SdkError {
    SdkError {
        code: ErrorCode::PANICKED,
        ..SdkError::internal("this instance panicked before and is in an unknown state")
    }
    .help("destroy it and create another")
}

// SAFETY: every function of `HostVt` is tagged [any-thread], and `host_data` is only ever passed to those; so a stage's
// worker threads may share the host.
unsafe impl Send for Host<'_> {}
// SAFETY: as above.
unsafe impl Sync for Host<'_> {}

const _: () = assert!(ABI_VERSION.major == 1, "a new major needs new extension ids and a note in docs/abi.md");

#[cfg(test)]
mod tests {
    #[test]
    fn the_exported_symbol_is_the_one_abi_stable_looks_for() {
        let exported = "_1as_0lib_1header_0root_bmodule_bloader";
        assert_eq!(exported, abi_stable::library::ROOT_MODULE_LOADER_NAME);
        assert!(include_str!("export.rs").contains(&format!("export_name = \"{exported}\"")));
    }
}
