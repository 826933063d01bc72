//! What the benches share: staged plugins, instances of them, and photos of the synthetic scene.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use scene3d_engine::{
    EngineError, Instance, InstanceOptions, Negotiated, RawConfig, Registry, SearchPaths, Silent, StagePlan, negotiate,
};
use scene3d_scene::synthetic::{SceneSpec, render};

/// A checked config with its plugins.
pub struct Loaded {
    /// The plans of its stages.
    pub negotiated: Negotiated,
    /// Their plugins, open.
    pub registry: Arc<Registry>,
}

/// Loads a config given as TOML, with the plugins staged by `cargo xtask build`.
///
/// # Errors
/// Whatever is wrong with it, or that the plugins are not staged.
pub fn load(toml: &str) -> Result<Loaded> {
    let raw = RawConfig::parse(toml, "bench").map_err(EngineError::from)?;
    let paths = SearchPaths::new(&raw);
    let registry = Arc::new(Registry::discover(&paths));
    let negotiated = negotiate(&raw, &registry, &paths.weights).map_err(EngineError::from)?;
    for plan in negotiated.stages() {
        registry.load(plan.plugin_id()).map_err(EngineError::from)?;
    }
    Ok(Loaded { negotiated, registry })
}

/// A config of two plugins, mapped by the trivial mapper.
#[must_use]
pub fn config(extractor: &str, matcher: &str) -> String {
    format!(
        "[[features]]\nextractor = {{ plugin = \"{extractor}\" }}\nmatcher = {{ plugin = \"{matcher}\" }}\n\
         [mapper]\nplugin = \"dummy-mapper\"\n"
    )
}

impl Loaded {
    /// An extractor of one thread.
    ///
    /// # Errors
    /// The plugin's.
    pub fn extractor(&self) -> Result<Instance> {
        let extractor = self.negotiated.features[0].extractor.as_ref();
        self.instance(extractor.context("the config names no extractor")?)
    }

    /// A matcher of one thread.
    ///
    /// # Errors
    /// The plugin's.
    pub fn matcher(&self) -> Result<Instance> {
        self.instance(&self.negotiated.features[0].matcher)
    }

    fn instance(&self, plan: &StagePlan) -> Result<Instance> {
        let plugin = self.registry.load(plan.plugin_id()).map_err(EngineError::from)?;
        Ok(Instance::spawn(plan, &plugin, options(), Arc::new(Silent)).map_err(EngineError::from)?)
    }
}

fn options() -> InstanceOptions {
    InstanceOptions { threads: 1, ..InstanceOptions::default() }
}

/// A folder with photos of the synthetic scene, 1024 x 768.
///
/// # Errors
/// If they can't be rendered or written.
pub fn photos(num_images: usize) -> Result<(tempfile::TempDir, PathBuf)> {
    let scene = render(&SceneSpec { num_images, ..SceneSpec::default() }).context("the scene can't be rendered")?;
    let folder = tempfile::tempdir()?;
    let photos = folder.path().join("photos");
    std::fs::create_dir(&photos)?;
    for image in &scene.images {
        std::fs::write(photos.join(&image.name), &image.jpeg)?;
    }
    Ok((folder, photos))
}
