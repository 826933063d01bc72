//! The checks of a plugin.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use scene3d_abi::{Descriptor, StageKind};
use scene3d_engine::discovery::Found;
use scene3d_engine::{
    EngineError, Instance, InstanceOptions, LoadedPlugin, RawConfig, Registry, SearchPaths, Silent, StagePlan,
    StampCache, weights,
};
use scene3d_tensor::{Device, ShapeSpec, Tensor};
use scene3d_wire::{ImageFeatures, ImageTensor, NamedView, PreparedPair};
use serde_json::{Map, Value};

use super::inputs;

/// A check that did not fail.
pub enum Verdict {
    /// The plugin does what it should.
    Passed,
    /// It could not be told, for this reason.
    Skipped(String),
}

/// A named check.
pub struct Check {
    /// Name on the command line.
    pub name: &'static str,
    /// What holds when it passes.
    pub what: &'static str,
    /// The check of the plugin in a folder.
    pub run: fn(&Path) -> Result<Verdict>,
}

/// All checks, each building on those before it.
pub const CHECKS: [Check; 8] = [
    Check { name: "manifest", what: "plugin.toml can be read and fits this host", run: manifest },
    Check { name: "load", what: "the library loads and its layout fits", run: load },
    Check { name: "descriptor", what: "ports, families, schema and defaults are complete", run: descriptor },
    Check { name: "create", what: "an instance can be made of the default config", run: create },
    Check { name: "config", what: "an unknown config key is refused", run: config },
    Check { name: "run", what: "a call answers what its ports declare", run: answers },
    Check { name: "repeat", what: "the same input gives the same bytes, in another instance too", run: repeat },
    Check { name: "edge", what: "tiny, empty and wrong inputs end in an answer", run: edge },
];

fn manifest(folder: &Path) -> Result<Verdict> {
    let manifest = scene3d_engine::Manifest::read(folder).map_err(anyhow::Error::msg)?;
    manifest.check_host().map_err(EngineError::from)?;
    let library = manifest.library_path(folder);
    ensure!(library.is_file(), "there is no library {}", library.display());
    Ok(Verdict::Passed)
}

fn load(folder: &Path) -> Result<Verdict> {
    loaded(folder)?;
    Ok(Verdict::Passed)
}

fn loaded(folder: &Path) -> Result<LoadedPlugin> {
    let manifest = scene3d_engine::Manifest::read(folder).map_err(anyhow::Error::msg)?;
    let Found { manifest, .. } = Found { folder: folder.to_owned(), manifest };
    let parent = folder.canonicalize()?.parent().context("the plugin's folder has no parent")?.to_owned();
    let registry = Registry::with_cache(&[parent], StampCache::default());
    Ok(registry.load(&manifest.id).map_err(EngineError::from)?)
}

fn descriptor(folder: &Path) -> Result<Verdict> {
    let plugin = loaded(folder)?;
    let descriptor = &plugin.descriptor;
    for port in descriptor.inputs.iter().chain(&descriptor.outputs) {
        port.shape.parse::<ShapeSpec>().with_context(|| format!("port `{}`", port.name))?;
        ensure!(!port.doc.is_empty(), "port `{}` has no doc", port.name);
    }
    match descriptor.kind {
        StageKind::Extractor => ensure!(descriptor.emits_family.is_some(), "an extractor must name emits_family"),
        StageKind::Matcher => ensure!(!descriptor.accepts_families.is_empty(), "a matcher must name accepts_families"),
        StageKind::Mapper => {}
    }
    ensure!(!descriptor.license.is_empty(), "it names no licence");
    for (key, property) in descriptor.config_schema["properties"].as_object().into_iter().flatten() {
        ensure!(property.get("default").is_some(), "config `{key}` has no default");
        ensure!(property["description"].is_string(), "config `{key}` has no description");
    }
    Ok(Verdict::Passed)
}

/// The plan of a stage with its default config; `None` with the reason if weights are missing.
fn plan(descriptor: &Arc<Descriptor>) -> Result<Result<StagePlan, String>> {
    let properties = descriptor.config_schema["properties"].as_object();
    let defaults = properties.into_iter().flatten().map(|(key, property)| (key.clone(), property["default"].clone()));
    let config = Value::Object(defaults.collect::<Map<_, _>>());
    let paths = SearchPaths::new(&RawConfig::parse("", "no config").map_err(EngineError::from)?);
    let mut files = Vec::new();
    for spec in weights::needed(descriptor, &config) {
        match weights::find(spec, &paths.weights, &StampCache::default()) {
            Ok(file) => files.push(file),
            Err(problem) => return Ok(Err(problem.message)),
        }
    }
    Ok(Ok(StagePlan {
        descriptor: Arc::clone(descriptor),
        config,
        weights: files,
        device: Device::Cpu,
        family: None,
        max_long_side_px: None,
    }))
}

fn with_instance(folder: &Path, body: impl FnOnce(&dyn Fn() -> Result<Instance>) -> Result<()>) -> Result<Verdict> {
    let plugin = loaded(folder)?;
    let plan = match plan(&plugin.descriptor)? {
        Ok(plan) => plan,
        Err(reason) => return Ok(Verdict::Skipped(reason)),
    };
    let spawn = || {
        let options = InstanceOptions { threads: 1, ..InstanceOptions::default() };
        Ok(Instance::spawn(&plan, &plugin, options, Arc::new(Silent)).map_err(EngineError::from)?)
    };
    body(&spawn)?;
    Ok(Verdict::Passed)
}

fn create(folder: &Path) -> Result<Verdict> {
    with_instance(folder, |spawn| {
        // twice, so that what the first left behind shows
        drop(spawn()?);
        drop(spawn()?);
        Ok(())
    })
}

fn config(folder: &Path) -> Result<Verdict> {
    let plugin = loaded(folder)?;
    let mut plan = match plan(&plugin.descriptor)? {
        Ok(plan) => plan,
        Err(reason) => return Ok(Verdict::Skipped(reason)),
    };
    plan.config["no_plugin_has_this_key"] = Value::from(1);
    match Instance::spawn(&plan, &plugin, InstanceOptions::default(), Arc::new(Silent)) {
        Ok(_) => bail!("an unknown key was accepted; derive the config with #[serde(deny_unknown_fields)]"),
        Err(_) => Ok(Verdict::Passed),
    }
}

fn answers(folder: &Path) -> Result<Verdict> {
    with_instance(folder, |spawn| answer(&spawn()?).map(drop))
}

fn repeat(folder: &Path) -> Result<Verdict> {
    with_instance(folder, |spawn| {
        let instance = spawn()?;
        let first = answer(&instance)?;
        ensure!(first == answer(&instance)?, "a second call gave other bytes");
        ensure!(first == answer(&spawn()?)?, "another instance gave other bytes");
        Ok(())
    })
}

/// What a stage answers to the standard input of its kind, as text that shows every bit.
fn answer(instance: &Instance) -> Result<String> {
    match instance.descriptor().kind {
        StageKind::Extractor => {
            let images = [inputs::pixels(320, 240, 1)?, inputs::pixels(200, 328, 2)?];
            let sizes = [[640, 480], [200, 328]];
            let images: Vec<_> =
                images.iter().zip(sizes).map(|(t, image_size)| ImageTensor { pixels: t.view(), image_size }).collect();
            let mut text = String::new();
            for features in instance.extract(&images).map_err(EngineError::from)? {
                let outputs = features.into_named(None)?;
                let outputs = NamedView::of(&outputs);
                for name in ["keypoints", "scores", "descriptors"] {
                    text += &format!("{name} {:?}\n", bits(outputs.slice::<f32>(name)?));
                }
            }
            Ok(text)
        }
        StageKind::Matcher => matches_of(instance, 80, 90),
        StageKind::Mapper => {
            let workspace = tempfile::tempdir()?;
            let mapping = instance.map(&inputs::empty_graph(workspace.path().to_owned())).map_err(EngineError::from)?;
            ensure!(mapping.models.is_empty(), "a graph without matches gave {} models", mapping.models.len());
            Ok(format!("{mapping:?}"))
        }
    }
}

fn matches_of(instance: &Instance, num_keypoints1: i64, num_keypoints2: i64) -> Result<String> {
    let descriptor = instance.descriptor();
    let images = [inputs::features(descriptor, num_keypoints1, 1)?, inputs::features(descriptor, num_keypoints2, 2)?];
    let prepare = |image| instance.prepare(&ImageFeatures::from_named(&NamedView::of(image))?).map_err(Into::into);
    let prepared: Vec<_> = images.iter().map(prepare).collect::<Result<_>>()?;
    let pair = PreparedPair { image1: NamedView::of(&prepared[0]), image2: NamedView::of(&prepared[1]) };
    if instance.finds_correspondences() {
        let found = instance.correspond_pairs(&[pair], &[[inputs::IMAGE_SIZE; 2]]).map_err(EngineError::from)?;
        return Ok(found
            .iter()
            .map(|c| format!("{:?} {:?}\n", bits(c.points.as_flattened()), bits(&c.scores)))
            .collect());
    }
    let bounds = [num_keypoints1, num_keypoints2].map(|count| count as usize);
    let matches = instance.match_pairs(&[pair], &[bounds]).map_err(EngineError::from)?;
    Ok(matches.iter().map(|m| format!("{:?} {:?}\n", m.indices, bits(&m.scores))).collect())
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn edge(folder: &Path) -> Result<Verdict> {
    with_instance(folder, |spawn| {
        let instance = spawn()?;
        match instance.descriptor().kind {
            StageKind::Extractor => {
                for (width, height) in [(1, 1), (3, 200), (31, 17)] {
                    let pixels = inputs::pixels(width, height, 3)?;
                    let image = ImageTensor { pixels: pixels.view(), image_size: [width as u32, height as u32] };
                    instance.extract(&[image]).map_err(EngineError::from).context("a tiny image failed")?;
                }
                let wrong = Tensor::from_vec(vec![0.0_f32; 12], &[2, 2, 3])?;
                let image = ImageTensor { pixels: wrong.view(), image_size: [2, 2] };
                ensure!(instance.extract(&[image]).is_err(), "pixels of a wrong dtype were accepted");
            }
            StageKind::Matcher => {
                for (first, second) in [(0, 0), (0, 5), (1, 1)] {
                    matches_of(&instance, first, second).with_context(|| format!("{first} x {second} keypoints"))?;
                }
            }
            StageKind::Mapper => drop(answer(&instance)?),
        }
        answer(&instance).context("after an odd input it no longer answers a good one")?;
        Ok(())
    })
}
