//! A stage on a thread of its own, as everyone else sees it: calls block until it answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use scene3d_abi::{Descriptor, ErrorCode};
use scene3d_tensor::{Device, TensorView};
use scene3d_wire::Named;

use super::worker::Worker;
use super::{Boundary, Call, HostData, Request, Unanswered, exchange, exchange_owned};
use crate::error::PluginError;
use crate::host_callbacks::{CurrentCallbacks, HostCallbacks};
use crate::plan::StagePlan;
use crate::plugin_health::PluginHealth;
use crate::registry::LoadedPlugin;

/// How instances of a stage are run.
#[derive(Debug, Clone, Default)]
pub struct InstanceOptions {
    /// CPU threads that a call may keep busy; 0 reads as 1.
    pub threads: usize,
    /// Seed of whatever is random.
    pub seed: u64,
    /// How long `create` may take; `None` waits.
    pub create_deadline: Option<Duration>,
    /// How long a call may take; `None` waits. Inputs of calls with a deadline are copied, since a late plugin still
    /// reads them, and must lie in host memory.
    pub call_deadline: Option<Duration>,
}

/// A configured stage on its own thread. Dropping it destroys the stage there.
#[derive(Debug)]
pub struct Instance {
    pub(super) descriptor: Arc<Descriptor>,
    pub(super) device: Device,
    finds_correspondences: bool,
    options: InstanceOptions,
    /// `None` only while dropping.
    requests: Option<Sender<Request>>,
    ended: Receiver<()>,
    is_cancelled: Arc<AtomicBool>,
    callbacks: Arc<CurrentCallbacks>,
    is_late: AtomicBool,
    health: Arc<PluginHealth>,
    thread: Option<JoinHandle<()>>,
}

impl Instance {
    /// Starts a thread, named after the plugin, and creates the stage there.
    ///
    /// # Errors
    /// The plugin's error; `TIMEOUT` if it took too long; `UNAVAILABLE` if it is disabled or no thread could be started.
    pub fn spawn(
        plan: &StagePlan,
        plugin: &LoadedPlugin,
        options: InstanceOptions,
        callbacks: Arc<dyn HostCallbacks>,
    ) -> Result<Self, PluginError> {
        let id = plan.plugin_id();
        if *plan.descriptor != *plugin.descriptor {
            let message = "its library changed since the config was checked";
            let error = PluginError::new(id, "create", ErrorCode::INCOMPATIBLE, message);
            return Err(error.help("check the config again"));
        }
        let is_cancelled = Arc::new(AtomicBool::new(false));
        let callbacks = Arc::new(CurrentCallbacks::new(callbacks));
        let host_data = HostData {
            plugin_id: id.to_owned(),
            callbacks: Arc::clone(&callbacks),
            is_cancelled: Arc::clone(&is_cancelled),
        };
        let (request, threads) = (plan.create_request(options.seed), options.threads);
        let (module, health, device) = (plugin.module, Arc::clone(&plugin.health), plan.device);
        let (created, creation) = bounded(1);
        let (requests, incoming) = bounded(1);
        let (end, ended) = bounded::<()>(0);
        let body = move || {
            let boundary = Boundary::new(module, request, device, threads, host_data);
            Worker::new(boundary, health).serve(&created, &incoming);
            drop(end);
        };
        let no_thread = |error| PluginError::new(id, "create", ErrorCode::UNAVAILABLE, format!("no thread: {error}"));
        let thread = thread::Builder::new().name(id.to_owned()).spawn(body).map_err(no_thread)?;
        let instance = Self {
            descriptor: Arc::clone(&plan.descriptor),
            device,
            finds_correspondences: plan.finds_correspondences(),
            options,
            requests: Some(requests),
            ended,
            is_cancelled,
            callbacks,
            is_late: AtomicBool::new(false),
            health: Arc::clone(&plugin.health),
            thread: Some(thread),
        };
        instance.await_creation(&creation)?;
        Ok(instance)
    }

    fn await_creation(&self, creation: &Receiver<Result<(), PluginError>>) -> Result<(), PluginError> {
        let answer = match self.options.create_deadline {
            Some(deadline) => creation.recv_timeout(deadline),
            None => creation.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        answer.unwrap_or_else(|error| match error {
            RecvTimeoutError::Timeout => Err(self.missed("create", self.options.create_deadline)),
            RecvTimeoutError::Disconnected => Err(self.gone("create")),
        })
    }

    /// Id of the plugin.
    #[must_use]
    pub fn plugin_id(&self) -> &str {
        &self.descriptor.id
    }

    /// What the plugin declares.
    #[must_use]
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// Whether, of a matcher, [`Self::correspond_pairs`] is to be called, not [`Self::match_pairs`].
    #[must_use]
    pub fn finds_correspondences(&self) -> bool {
        self.finds_correspondences
    }

    /// Makes it work for another run: from here on its calls log there, and end when that run is cancelled.
    pub fn work_for(&self, callbacks: Arc<dyn HostCallbacks>) {
        self.callbacks.replace(callbacks);
    }

    /// Asks the call in flight, and every later one, to end with `CANCELLED`.
    pub fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether it answers: no deadline was missed.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        !self.is_late.load(Ordering::Relaxed)
    }

    /// Whether another run may use it: it answers, was never asked to end, and its plugin is not disabled.
    #[must_use]
    pub fn may_work_again(&self) -> bool {
        self.is_healthy() && !self.is_cancelled.load(Ordering::Relaxed) && self.health.disabled_reason().is_none()
    }

    /// Calls the stage with named tensors and returns whatever it returns, unchecked against its ports.
    pub(super) fn call(&self, call: Call, ports: &[(String, TensorView<'_>)]) -> Result<Named, PluginError> {
        let Some(requests) = self.requests.as_ref().filter(|_| self.is_healthy()) else {
            let message = "this instance missed a deadline before and is still busy";
            return Err(PluginError::new(self.plugin_id(), call.name(), ErrorCode::UNAVAILABLE, message));
        };
        let answer = match self.options.call_deadline {
            None => exchange(requests, call, ports),
            Some(deadline) => exchange_owned(requests, call, self.copies(call, ports)?, Instant::now() + deadline),
        };
        answer.unwrap_or_else(|unanswered| match unanswered {
            Unanswered::Late => Err(self.missed(call.name(), self.options.call_deadline)),
            Unanswered::Gone => Err(self.gone(call.name())),
        })
    }

    fn copies(&self, call: Call, ports: &[(String, TensorView<'_>)]) -> Result<Named, PluginError> {
        let copy = |(name, view): &(String, TensorView<'_>)| {
            let failed = |error| {
                let message = format!("input `{name}` can't be copied for a call with a deadline: {error}");
                PluginError::new(self.plugin_id(), call.name(), ErrorCode::UNSUPPORTED, message)
            };
            Ok((name.clone(), view.to_tensor().map_err(failed)?))
        };
        ports.iter().map(copy).collect()
    }

    fn missed(&self, call: &'static str, deadline: Option<Duration>) -> PluginError {
        self.is_late.store(true, Ordering::Relaxed);
        self.cancel();
        let message = format!("no answer within {:.1} s", deadline.unwrap_or_default().as_secs_f64());
        PluginError::new(self.plugin_id(), call, ErrorCode::TIMEOUT, message)
            .help("its thread is left alone and gets no further calls; raise the deadline or start another instance")
    }

    fn gone(&self, call: &'static str) -> PluginError {
        PluginError::new(self.plugin_id(), call, ErrorCode::INTERNAL, "its thread ended; this is a bug of the host")
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        drop(self.requests.take());
        // a thread that hangs is never killed: whoever gave deadlines is not kept waiting for it
        let has_ended = match self.options.call_deadline {
            _ if !self.is_healthy() => false,
            Some(deadline) => self.ended.recv_timeout(deadline) == Err(RecvTimeoutError::Disconnected),
            None => true,
        };
        if let Some(thread) = self.thread.take().filter(|_| has_ended) {
            let _ = thread.join(); // a panic there was already answered as `gone`
        }
    }
}
