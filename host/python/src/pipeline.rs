//! `scene3d.Pipeline`: a checked config with its plugins, kept from call to call.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use scene3d_engine::{EngineError, ErrorCode, FeaturesPlan, Negotiated, Registry, SearchPaths, negotiate};
use scene3d_pipeline::{PhotoLimits, Plugins};

use crate::callbacks::Callbacks;
use crate::calls::Calls;
use crate::config::{self, NamedConfig};
use crate::extract::extract;
use crate::failure::Failure;
use crate::features::Features;
use crate::found::Found;
use crate::matching::match_pairs;
use crate::photos::Photos;
use crate::reconstruction::Reconstruction;
use crate::run::Run;
use crate::stages::Stages;
use crate::surroundings::{check_torch, package_folder};
use crate::watched::{Listener, Watch};

/// A checked config with its plugins.
#[pyclass(module = "scene3d", frozen)]
pub(crate) struct Pipeline {
    inner: Arc<Inner>,
    calls: Calls,
}

/// What a call needs of a pipeline, on whatever thread.
pub(crate) struct Inner {
    pub config_name: String,
    pub negotiated: Negotiated,
    pub plugins: Plugins,
    pub stages: Stages,
}

impl Inner {
    /// # Errors
    /// If `[[features]]` has no such entry.
    pub(crate) fn entry(&self, entry: usize) -> Result<&FeaturesPlan, Failure> {
        let num_entries = self.negotiated.features.len();
        let wrong = || {
            Failure::of_input(format!(
                "entry {entry}, expected less than {num_entries}: that many [[features]] there are"
            ))
        };
        self.negotiated.features.get(entry).ok_or_else(wrong)
    }

    pub(crate) fn parts(&self) -> (&Registry, &Negotiated) {
        (&self.plugins.registry, &self.negotiated)
    }

    fn load(&self) -> Result<(), Failure> {
        for plan in self.negotiated.stages() {
            self.plugins.registry.load(plan.plugin_id()).map_err(EngineError::from)?;
            if let Some(reason) = self.plugins.registry.disabled_reason(plan.plugin_id()) {
                let message = format!("plugin `{}` is disabled: {reason}", plan.plugin_id());
                let failure = Failure::new(ErrorCode::UNAVAILABLE, message, "start a new process");
                return Err(Failure { plugin: Some(plan.plugin_id().to_owned()), ..failure });
            }
        }
        Ok(())
    }
}

#[pymethods]
impl Pipeline {
    #[new]
    #[pyo3(signature = (config, *, set=Vec::new(), plugin_dirs=Vec::new(), weights_dirs=Vec::new(), keep_stages=4))]
    #[allow(clippy::needless_pass_by_value)] // as Python hands them over
    fn new(
        py: Python<'_>,
        config: &Bound<'_, PyAny>,
        set: Vec<String>,
        plugin_dirs: Vec<PathBuf>,
        weights_dirs: Vec<PathBuf>,
        keep_stages: usize,
    ) -> PyResult<Self> {
        let NamedConfig { raw, name } = config::read(config, &set)?;
        let paths = SearchPaths::beside(&package_folder(py)?, &raw).after(&plugin_dirs, &weights_dirs);
        let (plugins, negotiated) = py.detach(|| {
            let plugins = Plugins::keeping(Registry::discover(&paths), keep_stages);
            let negotiated = negotiate(&raw, &plugins.registry, &paths.weights).map_err(EngineError::from);
            negotiated.map(|negotiated| (plugins, negotiated)).map_err(Failure::from)
        })?;
        check_torch(py, &negotiated, &plugins.registry)?;
        let stages = Stages::of(&negotiated);
        let inner = Arc::new(Inner { config_name: name, negotiated, plugins, stages });
        Ok(Self { inner, calls: Calls::new() })
    }

    #[getter]
    fn config<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let text = self.inner.negotiated.config.to_json().to_string();
        py.import("json")?.getattr("loads")?.call1((text,))
    }

    #[getter]
    fn plugins(&self) -> BTreeMap<String, String> {
        let of_plan = |plan: &scene3d_engine::StagePlan| (plan.plugin_id().to_owned(), plan.descriptor.version.clone());
        self.inner.negotiated.stages().map(of_plan).collect()
    }

    fn ping(&self, py: Python<'_>) -> PyResult<()> {
        let call = self.calls.begin()?;
        let inner = Arc::clone(&self.inner);
        check_torch(py, &inner.negotiated, &inner.plugins.registry)?;
        Watch::new(Listener::of_dicts(None)).over(py, &call.cancel, move || inner.load())
    }

    #[pyo3(signature = (photos, out=None, *, resume=true, max_megapixels=256, on_event=None))]
    fn reconstruct(
        &self,
        py: Python<'_>,
        photos: Photos,
        out: Option<PathBuf>,
        resume: bool,
        max_megapixels: u64,
        on_event: Option<Py<PyAny>>,
    ) -> PyResult<Reconstruction> {
        let (call, inner) = (self.calls.begin()?, Arc::clone(&self.inner));
        let run = Run { photos, out, resume, limits: limits(max_megapixels) };
        let (watch, cancel) = (Watch::new(Listener::of_dicts(on_event)), call.cancel.clone());
        let teller = watch.teller();
        watch.over(py, &call.cancel, move || run.make(&inner, &teller, &cancel))
    }

    #[pyo3(signature = (photos, *, entry=0, max_megapixels=256, on_event=None))]
    fn extract(
        &self,
        py: Python<'_>,
        photos: Photos,
        entry: usize,
        max_megapixels: u64,
        on_event: Option<Py<PyAny>>,
    ) -> PyResult<Vec<Features>> {
        let (call, inner) = (self.calls.begin()?, Arc::clone(&self.inner));
        let watch = Watch::new(Listener::of_dicts(on_event));
        let callbacks = Arc::new(Callbacks { teller: watch.teller(), cancel: call.cancel.clone() });
        watch.over(py, &call.cancel, move || {
            let found = extract(&inner, entry, &photos, limits(max_megapixels), &callbacks);
            found.map_err(|failure| unless_cancelled(failure, &callbacks))
        })
    }

    #[pyo3(name = "match", signature = (images, pairs=None, *, entry=0, on_event=None))]
    fn match_pairs(
        &self,
        py: Python<'_>,
        images: Vec<Py<Features>>,
        pairs: Option<Vec<[usize; 2]>>,
        entry: usize,
        on_event: Option<Py<PyAny>>,
    ) -> PyResult<Vec<Found>> {
        let (call, inner) = (self.calls.begin()?, Arc::clone(&self.inner));
        let images: Vec<Features> = images.into_iter().map(|image| image.get().share()).collect();
        let all = || (0..images.len()).flat_map(|first| (first + 1..images.len()).map(move |second| [first, second]));
        let pairs = pairs.unwrap_or_else(|| all().collect());
        let watch = Watch::new(Listener::of_dicts(on_event));
        let callbacks = Arc::new(Callbacks { teller: watch.teller(), cancel: call.cancel.clone() });
        watch.over(py, &call.cancel, move || {
            let found = match_pairs(&inner, entry, &images, pairs, &callbacks);
            found.map_err(|failure| unless_cancelled(failure, &callbacks))
        })
    }

    fn cancel(&self) {
        self.calls.cancel();
    }

    fn __repr__(&self) -> String {
        let entries: Vec<String> = self.inner.negotiated.features.iter().map(FeaturesPlan::name).collect();
        format!("scene3d.Pipeline({}, {})", entries.join(", "), self.inner.negotiated.mapper.plugin_id())
    }
}

fn limits(max_megapixels: u64) -> PhotoLimits {
    PhotoLimits { max_pixels: max_megapixels.saturating_mul(1_000_000) }
}

/// A plugin that was asked to stop answers with an error of its own.
fn unless_cancelled(failure: Failure, callbacks: &Callbacks) -> Failure {
    if callbacks.cancel.is_cancelled() { Failure::cancelled() } else { failure }
}
