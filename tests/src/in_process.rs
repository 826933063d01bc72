//! Runs of the pipeline in the test's own process, watched event by event.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use scene3d_engine::{RawConfig, Registry, SearchPaths, StampCache, negotiate};
use scene3d_pipeline::{Event, Observer, PhotoLimits, PhotoSource, Request, StageName};

/// Keeps what a run says, and does something at each event.
pub struct Watcher {
    events: Mutex<Vec<Event>>,
    react: Box<dyn Fn(&Event) + Send + Sync>,
}

impl Watcher {
    /// One that only listens.
    #[must_use]
    pub fn listening() -> Arc<Self> {
        Self::reacting(|_| ())
    }

    /// One that does this at each event, on the thread that says it.
    #[must_use]
    pub fn reacting(react: impl Fn(&Event) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { events: Mutex::default(), react: Box::new(react) })
    }

    /// What was said so far.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Items of a stage, and how many of them were taken from an earlier run; `None` if it did not finish.
    #[must_use]
    pub fn items_and_reused(&self, stage: StageName) -> Option<[usize; 2]> {
        self.events().into_iter().find_map(|event| match event {
            Event::StageFinished { stage: finished, items, reused, .. } if finished == stage => Some([items, reused]),
            _ => None,
        })
    }
}

impl Observer for Watcher {
    fn event(&self, event: Event) {
        (self.react)(&event);
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }
}

/// The plugins that `cargo xtask build` staged.
#[must_use]
pub fn staged_plugins() -> Registry {
    Registry::with_cache(&[crate::target_folder().join("plugins")], StampCache::default())
}

/// A run with a config given as TOML.
///
/// # Panics
/// If the config is wrong.
#[must_use]
pub fn request(registry: &Registry, toml: &str, photos: PhotoSource, out: &Path) -> Request {
    let negotiated = RawConfig::parse(toml, "test.toml").map_err(scene3d_engine::EngineError::from).and_then(|raw| {
        let weights = SearchPaths::new(&raw).weights;
        Ok(negotiate(&raw, registry, &weights)?)
    });
    let negotiated = match negotiated {
        Ok(negotiated) => negotiated,
        Err(error) => unreachable!("{error}"),
    };
    Request {
        photos,
        out: out.to_owned(),
        config_name: "test".to_owned(),
        negotiated,
        resume: false,
        limits: PhotoLimits::default(),
        command: String::new(),
    }
}

/// What was made of the model, byte for byte, but for what names the photos' folder.
///
/// # Panics
/// If a file is not there.
#[must_use]
pub fn model(out: &Path) -> BTreeMap<&'static str, Vec<u8>> {
    let files =
        ["model/cameras.bin", "model/images.bin", "model/points3D.bin", "points.ply", "scene.glb", "scene.tiles"];
    let read = |file| match std::fs::read(out.join(file)) {
        Ok(bytes) => (file, bytes),
        Err(error) => unreachable!("{}/{file}: {error}", out.display()),
    };
    files.into_iter().map(read).collect()
}
