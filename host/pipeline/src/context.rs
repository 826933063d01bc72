//! What every stage needs to know of its run: request, plugins, observer, cancellation, times.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use scene3d_engine::{HostCallbacks, Instance, InstanceOptions, LogLevel, StageKind, StagePlan};
use scene3d_export::{Report, StageTime};
use scene3d_scene::Reconstruction;
use scene3d_tensor::Device;

use crate::ahead::Ahead;
use crate::delegate::Delegate;
use crate::observer::{Event, Observer, StageName};
use crate::outputs::REPORT_HTML;
use crate::photos::PhotoSet;
use crate::plugins::Plugins;
use crate::reconstruct::{Outcome, Request};
use crate::resident::Resident;
use crate::transfers::Transfers;
use crate::warm_instances::RunInstances;
use crate::{Cancel, PipelineError};

/// A run in progress.
pub(crate) struct Context<'a> {
    pub request: &'a Request,
    plugins: &'a Plugins,
    instances: RunInstances<'a>,
    pub observer: Arc<dyn Observer>,
    pub cancel: Cancel,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// Finished stages, in order.
    pub stage_times: Vec<StageTime>,
    started: Instant,
    /// The stage that was begun last.
    stage: Option<StageName>,
    warnings: Mutex<Vec<String>>,
    /// Copies between the device and host memory.
    pub transfers: Arc<Transfers>,
    /// Whether others need what this run finds: then descriptors are in the artifacts wherever they were made.
    pub is_part: bool,
    /// Who does parts of the run elsewhere, if anyone does.
    pub delegate: Option<Arc<dyn Delegate>>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(request: &'a Request, plugins: &'a Plugins, observer: Arc<dyn Observer>, cancel: Cancel) -> Self {
        let seed = request.negotiated.config.pipeline.seed;
        Self {
            request,
            plugins,
            instances: RunInstances::new(&plugins.warm, seed),
            observer,
            cancel,
            started_at: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            stage_times: Vec::new(),
            started: Instant::now(),
            stage: None,
            warnings: Mutex::default(),
            transfers: Arc::default(),
            is_part: false,
            delegate: None,
        }
    }

    pub(crate) fn seed(&self) -> u64 {
        self.request.negotiated.config.pipeline.seed
    }

    pub(crate) fn device(&self) -> Device {
        self.request.negotiated.features.first().map_or(Device::Cpu, |entry| entry.matcher.device)
    }

    /// CPU threads of the run: as configured, or all.
    pub(crate) fn threads(&self) -> usize {
        self.request.negotiated.config.pipeline.num_threads()
    }

    pub(crate) fn elapsed_secs(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Runs a stage between its events; the body returns how many items there were, how many of them were taken from an
    /// earlier run, and the stage's output.
    pub(crate) fn stage<T>(
        &mut self,
        stage: StageName,
        total: Option<usize>,
        body: impl FnOnce(&Self) -> Result<(usize, usize, T), PipelineError>,
    ) -> Result<T, PipelineError> {
        self.cancel.check()?;
        self.stage = Some(stage);
        self.observer.event(Event::StageStarted { stage, total });
        let started = Instant::now();
        let (items, reused, output) = body(self).map_err(|error| self.unless_cancelled(error))?;
        let secs = started.elapsed().as_secs_f64();
        self.observer.event(Event::StageFinished { stage, items, reused, secs });
        let (name, unit) = (stage.name().to_owned(), stage.unit().to_owned());
        self.stage_times.push(StageTime { name, secs, items, unit, reused: reused > 0 && reused == items });
        Ok(output)
    }

    /// A plugin that was asked to stop answers with an error of its own; the user asked, so it is no failure.
    pub(crate) fn unless_cancelled(&self, error: PipelineError) -> PipelineError {
        if self.cancel.is_cancelled() { PipelineError::Cancelled } else { error }
    }

    /// Says why the run ends without a model, and that nothing is kept in memory any more.
    pub(crate) fn tell_failure(&self, error: &PipelineError) {
        self.tell_resident_bytes(0);
        self.observer.event(Event::RunFailed(error.failure(self.stage)));
    }

    /// Says what is kept of the photos where the stages work.
    pub(crate) fn tell_resident(&self, resident: &Resident) {
        self.tell_resident_bytes(resident.used_bytes());
    }

    /// Says that nothing is kept any more.
    pub(crate) fn tell_nothing_resident(&self) {
        self.tell_resident_bytes(0);
    }

    fn tell_resident_bytes(&self, bytes: usize) {
        self.observer.event(Event::Resident { device: self.device().to_string(), bytes });
    }

    /// Says something the user should know and keeps it for the report.
    pub(crate) fn warn(&self, message: String) {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).push(message.clone());
        self.observer.event(Event::Warning { message });
    }

    /// Says something of interest that needs nothing done.
    pub(crate) fn log_info(&self, message: String) {
        let (level, target) = (LogLevel::Info.name(), "pipeline".to_owned());
        self.observer.event(Event::Log { level, target, message });
    }

    /// What was said so far.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn warn_of_rejected(&self, photos: &PhotoSet) {
        for rejected in &photos.rejected {
            self.warn(format!("skipped {}: {}", rejected.name.escape_debug(), rejected.reason));
        }
    }

    /// An artifact as it was stored; a damaged one is told and computed again.
    pub(crate) fn reuse<T>(&self, stored: Result<Option<T>, PipelineError>) -> Result<Option<T>, PipelineError> {
        match stored {
            Err(error @ PipelineError::Damaged { .. }) => {
                self.warn(format!("computing again: {error}"));
                Ok(None)
            }
            other => other,
        }
    }

    /// On the CPU one instance a thread, with one thread inside (docs/decisions/0003-cpu-threads.md); elsewhere one,
    /// whose stream orders the work.
    pub(crate) fn spawn_all(&self, plan: &StagePlan) -> Result<Vec<Arc<Instance>>, PipelineError> {
        let stage = match plan.kind() {
            StageKind::Extractor => StageName::Extract,
            StageKind::Matcher => StageName::Match,
            StageKind::Mapper => StageName::Map,
        };
        let plugin = self.plugins.registry.load(plan.plugin_id())?;
        let callbacks = self.callbacks(stage);
        let spawn = || {
            self.cancel.check()?;
            Ok(Instance::spawn(plan, &plugin, self.options(1), Arc::clone(&callbacks))?)
        };
        let num_instances = if plan.device == Device::Cpu { self.threads() } else { 1 };
        self.instances.of_stage(plan, num_instances, &callbacks, spawn)
    }

    /// Leaves the instances of a run whose stages all ended well to the next one.
    pub(crate) fn keep_instances(&self) {
        self.instances.keep();
    }

    /// Starts the mapper's instance on a thread of its own.
    pub(crate) fn spawn_ahead(&self, plan: &StagePlan) -> Ahead<Instance> {
        let (plan, registry) = (plan.clone(), Arc::clone(&self.plugins.registry));
        let (options, callbacks) = (self.options(self.threads()), self.callbacks(StageName::Map));
        Ahead::start("mapper-ahead", move || {
            Ok(Instance::spawn(&plan, &registry.load(plan.plugin_id())?, options, callbacks)?)
        })
    }

    /// Opens the libraries of all stages on a thread of its own: libtorch needs half a second, in which the first
    /// photos are decoded. A library that can't be opened ends the run before anything is extracted.
    pub(crate) fn load_ahead(&self) -> Ahead<()> {
        let ids: Vec<String> = self.request.negotiated.stages().map(|plan| plan.plugin_id().to_owned()).collect();
        let registry = Arc::clone(&self.plugins.registry);
        Ahead::start("load-ahead", move || Ok(ids.iter().try_for_each(|id| registry.load(id).map(drop))?))
    }

    /// The end of the run; an error if nothing could be reconstructed.
    pub(crate) fn outcome(&self, report: &Report, models: Vec<Reconstruction>) -> Result<Outcome, PipelineError> {
        let report_path = self.request.out.join(REPORT_HTML);
        let Some(statistics) = report.statistics else {
            let reasons = report.images.iter().map(|image| image.reason.clone());
            return Err(PipelineError::NoModel {
                num_images: report.images.len(),
                reason: commonest(reasons),
                report: report_path,
            });
        };
        Ok(Outcome {
            num_images: report.images.len(),
            statistics,
            out: self.request.out.clone(),
            report: report_path,
            secs: self.elapsed_secs(),
            models,
        })
    }

    fn options(&self, threads: usize) -> InstanceOptions {
        InstanceOptions { threads, seed: self.seed(), ..InstanceOptions::default() }
    }

    fn callbacks(&self, stage: StageName) -> Arc<dyn HostCallbacks> {
        let (observer, transfers) = (Arc::clone(&self.observer), Arc::clone(&self.transfers));
        Arc::new(Callbacks { observer, transfers, cancel: self.cancel.clone(), stage })
    }
}

fn commonest(reasons: impl Iterator<Item = String>) -> String {
    let mut counts = BTreeMap::<String, usize>::new();
    reasons.for_each(|reason| *counts.entry(reason).or_default() += 1);
    counts.into_iter().max_by_key(|(_, count)| *count).map_or_else(String::new, |(reason, _)| reason)
}

/// Steps in which a stage without countable items reports its progress.
const PROGRESS_STEPS: f64 = 1000.0;

struct Callbacks {
    observer: Arc<dyn Observer>,
    transfers: Arc<Transfers>,
    cancel: Cancel,
    stage: StageName,
}

impl HostCallbacks for Callbacks {
    fn log(&self, level: LogLevel, plugin: &str, message: &str) {
        let (target, message) = (plugin.to_owned(), message.to_owned());
        self.observer.event(Event::Log { level: level.name(), target, message });
    }

    fn progress(&self, _: &str, share: f64, what: &str) {
        // the other stages count their items
        if self.stage == StageName::Map {
            let done = (share.clamp(0.0, 1.0) * PROGRESS_STEPS) as usize;
            let total = PROGRESS_STEPS as usize;
            self.observer.event(Event::Progress { stage: self.stage, done, total, what: what.to_owned() });
        }
    }

    fn transfer(&self, to: Device, what: &str, num_copies: u64, num_bytes: u64) {
        self.transfers.count(self.stage, to, what, num_copies, num_bytes);
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }
}
