//! The calls across the plugin boundary: raw pointers on this side of `create`, `run`, `prepare` and `destroy`.
//!
//! [`Boundary`] lives on one thread, as the ABI's `[stage-thread]` asks; [`handle::Instance`] is what others hold.
#![allow(unsafe_code)] // the boundary itself

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::std_types::{RErr, ROk, RSlice, RStr, RVec};
use crossbeam_channel::{RecvTimeoutError, SendTimeoutError, Sender, bounded};
use scene3d_abi::ext::{COPY, COUNT_TRANSFER, Copy, CountTransfer, PREPARE, Prepare};
use scene3d_abi::{
    CallContext, Device as AbiDevice, ErrorCode, HostVt, HostVtRef, Level, OwnedPort, PluginModRef, Port, Stage,
    TensorPtr,
};
use scene3d_tensor::{Device, Tensor, TensorView};
use scene3d_wire::Named;

use crate::error::PluginError;
use crate::host_callbacks::{CurrentCallbacks, LogLevel};

mod handle;
mod mapping;
mod pool;
mod ports;
mod typed;
mod worker;

pub use handle::{Instance, InstanceOptions};
pub use pool::InstancePool;

/// Which function of a stage is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Run,
    Prepare,
    /// Copies to that device.
    Copy(Device),
}

impl Call {
    fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Prepare => "prepare",
            Self::Copy(_) => "copy",
        }
    }
}

/// Input tensors by name, on their way to the thread of an instance; made by [`exchange`] and [`exchange_owned`] only.
pub(crate) struct RawInputs {
    ports: Vec<(String, TensorPtr)>,
    /// What `ports` point to, where the request owns it.
    _owned: Named,
}

// SAFETY: the pointers are only read during a call, while either `exchange` keeps the tensors borrowed or the request
// itself owns them; DLPack tensors may be read from any thread.
unsafe impl Send for RawInputs {}

/// A call on its way to the thread of an instance.
pub(crate) struct Request {
    pub call: Call,
    pub inputs: RawInputs,
    pub reply: Sender<Result<Named, PluginError>>,
}

/// Why a request has no answer.
pub(crate) enum Unanswered {
    /// The thread ended.
    Gone,
    /// The deadline passed.
    Late,
}

/// Lends tensors to the thread of an instance and waits for its answer, however long it takes: returning earlier would
/// end the borrow under the plugin.
pub(crate) fn exchange(
    requests: &Sender<Request>,
    call: Call,
    ports: &[(String, TensorView<'_>)],
) -> Result<Result<Named, PluginError>, Unanswered> {
    let ports = ports.iter().map(|(name, view)| (name.clone(), TensorPtr(view.as_raw()))).collect();
    let (reply, answer) = bounded(1);
    let request = Request { call, inputs: RawInputs { ports, _owned: Vec::new() }, reply };
    requests.send(request).map_err(|_| Unanswered::Gone)?;
    // an error means that the thread dropped the request, so it reads the tensors no longer
    answer.recv().map_err(|_| Unanswered::Gone)
}

/// Gives tensors to the thread of an instance and waits for its answer until a deadline; behind it the tensors live on
/// for as long as the call does.
pub(crate) fn exchange_owned(
    requests: &Sender<Request>,
    call: Call,
    owned: Named,
    deadline: Instant,
) -> Result<Result<Named, PluginError>, Unanswered> {
    let ports = owned.iter().map(|(name, tensor)| (name.clone(), TensorPtr(tensor.view().as_raw()))).collect();
    let (reply, answer) = bounded(1);
    let request = Request { call, inputs: RawInputs { ports, _owned: owned }, reply };
    requests.send_deadline(request, deadline).map_err(|error| match error {
        SendTimeoutError::Timeout(_) => Unanswered::Late,
        SendTimeoutError::Disconnected(_) => Unanswered::Gone,
    })?;
    answer.recv_deadline(deadline).map_err(|error| match error {
        RecvTimeoutError::Timeout => Unanswered::Late,
        RecvTimeoutError::Disconnected => Unanswered::Gone,
    })
}

/// What the functions of [`HOST_VT`] are given back as `host_data`.
pub(crate) struct HostData {
    pub plugin_id: String,
    pub callbacks: Arc<CurrentCallbacks>,
    pub is_cancelled: Arc<AtomicBool>,
}

/// A plugin's stage, on the thread that created it.
pub(crate) struct Boundary {
    module: PluginModRef,
    stage: Option<Stage>,
    request: String,
    context: CallContext,
    host_data: Box<HostData>,
}

impl Boundary {
    /// Nothing is created yet.
    pub(crate) fn new(
        module: PluginModRef,
        request: String,
        device: Device,
        threads: usize,
        host_data: HostData,
    ) -> Self {
        let (kind, index) = device.to_numbers();
        let host_data = Box::new(host_data);
        let context = CallContext {
            host: *HOST_VT,
            host_data: ptr::from_ref(&*host_data).cast_mut().cast(),
            device: AbiDevice { kind, index },
            threads: u32::try_from(threads.max(1)).unwrap_or(u32::MAX),
            reserved32: 0,
            cuda_stream: 0,
            reserved: [0; 4],
        };
        Self { module, stage: None, request, context, host_data }
    }

    pub(crate) fn plugin_id(&self) -> &str {
        &self.host_data.plugin_id
    }

    /// Creates the stage; one that exists is destroyed first.
    pub(crate) fn create(&mut self) -> Result<(), PluginError> {
        self.destroy();
        match self.module.create()(RStr::from_str(&self.request), &self.context) {
            ROk(stage) if stage.state.is_null() => {
                let message = "it returned a null stage; this is a bug of the plugin";
                Err(PluginError::new(self.plugin_id(), "create", ErrorCode::INTERNAL, message))
            }
            ROk(stage) => {
                self.stage = Some(stage);
                Ok(())
            }
            RErr(error) => Err(PluginError::from_abi(self.plugin_id(), "create", error)),
        }
    }

    /// Calls the stage; its outputs are owned by this side from here on.
    pub(crate) fn call(&mut self, call: Call, inputs: &RawInputs) -> Result<Named, PluginError> {
        let Some(stage) = self.stage else {
            return Err(self.error(call, ErrorCode::INTERNAL, "the stage does not exist; this is a bug of the host"));
        };
        let ports: Vec<Port<'_>> =
            inputs.ports.iter().map(|(name, tensor)| Port { name: name.as_str().into(), tensor: *tensor }).collect();
        let (state, context, ports) = (stage.state, &self.context, RSlice::from_slice(&ports));
        let outcome = match call {
            Call::Run => stage.vt.run()(state, context, ports),
            Call::Prepare => {
                // SAFETY: the ABI says that a non-null answer to this id is a `'static` `Prepare`.
                let extension = unsafe { self.extension::<Prepare>(stage, call, PREPARE)? };
                (extension.prepare)(state, context, ports)
            }
            Call::Copy(device) => {
                let (kind, index) = device.to_numbers();
                // SAFETY: the ABI says that a non-null answer to this id is a `'static` `Copy`.
                let extension = unsafe { self.extension::<Copy>(stage, call, COPY)? };
                (extension.copy)(state, context, AbiDevice { kind, index }, ports)
            }
        };
        match outcome {
            ROk(outputs) => self.own(call, outputs),
            RErr(error) => Err(PluginError::from_abi(self.plugin_id(), call.name(), error)),
        }
    }

    /// # Safety
    /// A non-null answer to `id` is a `'static` `T`.
    unsafe fn extension<T: 'static>(&self, stage: Stage, call: Call, id: &str) -> Result<&'static T, PluginError> {
        let extension = stage.vt.get_extension()(stage.state, RStr::from_str(id)).cast::<T>();
        // SAFETY: as the caller says.
        let extension = unsafe { extension.as_ref() };
        extension.ok_or_else(|| self.error(call, ErrorCode::UNSUPPORTED, format!("it does not offer `{id}`")))
    }

    fn own(&self, call: Call, outputs: RVec<OwnedPort>) -> Result<Named, PluginError> {
        let own = |port: OwnedPort| {
            let name = port.name.into_string();
            // SAFETY: the ABI says that an output is null or a tensor which the caller of the stage owns.
            let tensor = unsafe { Tensor::from_raw(port.tensor.0) };
            tensor.map(|tensor| (name.clone(), tensor)).map_err(|error| {
                let message = format!("output `{name}`: {error}; this is a bug of the plugin");
                self.error(call, ErrorCode::INTERNAL, message).detail("port", name)
            })
        };
        // all are taken over before the first error is returned, so that every deleter runs
        let owned: Vec<_> = outputs.into_iter().map(own).collect();
        owned.into_iter().collect()
    }

    fn error(&self, call: Call, code: ErrorCode, message: impl Into<String>) -> PluginError {
        PluginError::new(self.plugin_id(), call.name(), code, message)
    }

    /// Destroys the stage, if there is one.
    pub(crate) fn destroy(&mut self) {
        if let Some(stage) = self.stage.take() {
            stage.vt.destroy()(stage.state);
        }
    }
}

impl Drop for Boundary {
    fn drop(&mut self) {
        self.destroy();
    }
}

static HOST_VT: LazyLock<HostVtRef> =
    LazyLock::new(|| HostVt { log, progress, is_cancelled, get_extension }.leak_into_prefix());

/// # Safety
/// `data` is the `host_data` of a call that has not returned yet.
unsafe fn host_data<'a>(data: *mut c_void) -> &'a HostData {
    // SAFETY: `Boundary` keeps its `HostData` in a box that outlives every call of its stage.
    unsafe { &*data.cast::<HostData>() }
}

/// A panic of the host's own callbacks must not unwind into the plugin.
fn guarded<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(fallback)
}

extern "C" fn log(data: *mut c_void, level: Level, target: RStr<'_>, message: RStr<'_>) {
    // SAFETY: the ABI says that plugins pass the `host_data` of the call they are in.
    let host = unsafe { host_data(data) };
    guarded((), || {
        let level = LogLevel::from_abi(level);
        if target.as_str() == host.plugin_id {
            host.callbacks.get().log(level, &host.plugin_id, message.as_str());
        } else {
            host.callbacks.get().log(level, &host.plugin_id, &format!("{target}: {message}"));
        }
    });
}

extern "C" fn progress(data: *mut c_void, share: f64, what: RStr<'_>) {
    // SAFETY: as in `log`.
    let host = unsafe { host_data(data) };
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    guarded((), || host.callbacks.get().progress(&host.plugin_id, share, what.as_str()));
}

extern "C" fn is_cancelled(data: *mut c_void) -> bool {
    // SAFETY: as in `log`.
    let host = unsafe { host_data(data) };
    guarded(true, || host.is_cancelled.load(Ordering::Relaxed) || host.callbacks.get().is_cancelled())
}

extern "C" fn get_extension(_: *mut c_void, id: RStr<'_>) -> *const c_void {
    if id.as_str() == COUNT_TRANSFER {
        let extension: &'static CountTransfer = const { &CountTransfer { count: count_transfer } };
        return ptr::from_ref(extension).cast();
    }
    ptr::null()
}

extern "C" fn count_transfer(data: *mut c_void, to: AbiDevice, what: RStr<'_>, num_copies: u64, num_bytes: u64) {
    // SAFETY: as in `log`.
    let host = unsafe { host_data(data) };
    guarded((), || {
        if let Ok(to) = Device::from_numbers(to.kind, to.index) {
            host.callbacks.get().transfer(to, what.as_str(), num_copies, num_bytes);
        }
    });
}
