//! What the tests of the plugin framework share: registries, plans, images.
#![allow(dead_code)] // each test binary uses a part

use std::path::PathBuf;
use std::sync::Arc;

use scene3d_engine::{
    Instance, InstanceOptions, Negotiated, PluginError, RawConfig, Registry, Silent, StagePlan, StampCache, negotiate,
};
use scene3d_tensor::Tensor;
use scene3d_wire::ImageTensor;

/// Plugins linked into the test.
pub fn linked() -> Registry {
    let mut registry = Registry::default();
    let modules = [
        scene3d_dummy_extractor::module(),
        scene3d_dummy_matcher::module(),
        scene3d_dummy_mapper::module(),
        scene3d_hostile::module_as(scene3d_hostile::mode::LoadMode::None),
        scene3d_hostile::matcher_module(),
    ];
    modules.into_iter().for_each(|module| registry.add_static(module).unwrap());
    registry
}

/// Folder of staged plugins: `target/release/plugins` of a test in `target/release/deps`.
pub fn staged_dir() -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    let dir = exe.parent().unwrap().parent().unwrap().join("plugins");
    assert!(dir.join("hostile/plugin.toml").is_file(), "no plugins in {}: run `cargo xtask build`", dir.display());
    dir
}

/// Plugins opened from their libraries, and the one that is only linked.
pub fn exported() -> Registry {
    let mut registry = Registry::with_cache(&[staged_dir()], StampCache::default());
    registry.add_static(scene3d_hostile::matcher_module()).unwrap();
    registry
}

pub fn check(registry: &Registry, text: &str) -> Result<Negotiated, String> {
    let raw = RawConfig::parse(text, "p.toml").unwrap();
    negotiate(&raw, registry, &[]).map_err(|problems| problems.to_string())
}

pub fn hostile_plan(registry: &Registry, mode: &str) -> StagePlan {
    let text = format!(
        "[[features]]\nextractor = {{ plugin = \"hostile\", mode = \"{mode}\" }}\n\
         matcher = {{ plugin = \"hostile-matcher\" }}\n[mapper]\nplugin = \"dummy-mapper\"\n"
    );
    check(registry, &text).unwrap().features.remove(0).extractor.unwrap()
}

pub fn spawn(registry: &Registry, plan: &StagePlan, options: InstanceOptions) -> Result<Instance, PluginError> {
    Instance::spawn(plan, &registry.load(plan.plugin_id()).unwrap(), options, Arc::new(Silent))
}

/// `[height, width, 3] u8`, no two pixels in a row alike.
pub fn pixels(width: usize, height: usize) -> Tensor {
    let values = (0..width * height * 3).map(|index| (index * 31 % 251) as u8).collect();
    Tensor::from_vec(values, &[height as i64, width as i64, 3]).unwrap()
}

pub fn image(pixels: &Tensor) -> ImageTensor<'_> {
    let view = pixels.view();
    ImageTensor { pixels: view, image_size: [view.shape()[1] as u32 * 2, view.shape()[0] as u32 * 2] }
}
