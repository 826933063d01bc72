//! Each plugin, linked into this program and opened as a library, gives the same bytes.

use std::sync::Arc;

use scene3d_engine::{
    EngineError, Instance, InstanceOptions, LoadedPlugin, Negotiated, RawConfig, Registry, SearchPaths, Silent,
    StagePlan, negotiate,
};
use scene3d_scene::colmap::write_binary;
use scene3d_tensor::Tensor;
use scene3d_tests::exact_scene::match_graph;
use scene3d_tests::{checkout, has_weights, stand_in};
use scene3d_wire::{ImageFeatures, ImageTensor, Mapping, Named, NamedView, PreparedPair};

const WIDTH: usize = 320;
const HEIGHT: usize = 240;

/// Two photos of the same blobs, one shifted.
fn pixels(shift: usize) -> Tensor {
    let at = |x: usize, y: usize, c: usize| {
        let cell = (((x + shift) / 9) as u32).wrapping_mul(0x9E37_79B9) ^ ((y / 7) as u32).wrapping_mul(0x85EB_CA6B);
        (cell.wrapping_add(c as u32).wrapping_mul(0xC2B2_AE35) >> 24) as u8
    };
    let values = (0..HEIGHT).flat_map(|y| (0..WIDTH).flat_map(move |x| (0..3).map(move |c| at(x, y, c)))).collect();
    Tensor::from_vec(values, &[HEIGHT as i64, WIDTH as i64, 3]).unwrap()
}

fn spawn(plan: &StagePlan, plugin: &LoadedPlugin) -> Instance {
    let options = InstanceOptions { threads: 1, ..InstanceOptions::default() };
    Instance::spawn(plan, plugin, options, Arc::new(Silent)).unwrap()
}

/// Stages of these plugins; `mapper` is the section of the config.
fn negotiated(registry: &Registry, extractor: &str, matcher: &str, mapper: &str) -> Result<Negotiated, EngineError> {
    let toml = format!(
        "[[features]]\nextractor = {{ plugin = \"{extractor}\" }}\nmatcher = {{ plugin = \"{matcher}\" }}\n\
         [mapper]\n{mapper}\n"
    );
    let raw = RawConfig::parse(&toml, "test")?;
    let mut weights = SearchPaths::new(&raw).weights;
    if extractor == "superpoint" {
        weights.extend(stand_in::superpoint());
    }
    Ok(negotiate(&raw, registry, &weights)?)
}

/// Features and matches of the two photos, every bit of them.
fn results(registry: &Registry, extractor: &str, matcher: &str) -> Result<Vec<Vec<u32>>, EngineError> {
    let negotiated = negotiated(registry, extractor, matcher, "plugin = \"dummy-mapper\"")?;
    let extract = spawn(negotiated.features[0].extractor.as_ref().unwrap(), &registry.load(extractor)?);
    let matching = spawn(&negotiated.features[0].matcher, &registry.load(matcher)?);
    let photos = [pixels(0), pixels(18)];
    let size = [WIDTH as u32, HEIGHT as u32];
    let images: Vec<_> = photos.iter().map(|p| ImageTensor { pixels: p.view(), image_size: size }).collect();
    let features: Vec<Named> =
        extract.extract(&images)?.into_iter().map(|f| f.into_named(Some(size)).unwrap()).collect();
    let prepare = |named: &Named| matching.prepare(&ImageFeatures::from_named(&NamedView::of(named)).unwrap());
    let prepared = [prepare(&features[0])?, prepare(&features[1])?];
    let pair = PreparedPair { image1: NamedView::of(&prepared[0]), image2: NamedView::of(&prepared[1]) };
    let count = |named: &Named| NamedView::of(named).get("keypoints").unwrap().shape()[0] as usize;
    let matches = matching.match_pairs(&[pair], &[[count(&features[0]), count(&features[1])]])?.remove(0);
    assert!(count(&features[0]) > 10, "{extractor} found {} keypoints", count(&features[0]));

    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<u32>>();
    let mut all = vec![matches.indices.concat(), bits(&matches.scores)];
    for named in &features {
        let view = NamedView::of(named);
        all.extend(["keypoints", "scores", "descriptors"].map(|name| bits(view.slice(name).unwrap())));
    }
    Ok(all)
}

fn exported() -> Registry {
    Registry::discover(&SearchPaths::new(&RawConfig::parse("", "test").unwrap()))
}

fn native() -> Registry {
    let mut registry = Registry::default();
    let modules = [
        scene3d_aliked::module(),
        scene3d_superpoint::module(),
        scene3d_nearest::module(),
        scene3d_lightglue::module(),
        scene3d_colmap::module(),
        scene3d_dummy_extractor::module(),
        scene3d_dummy_matcher::module(),
        scene3d_dummy_mapper::module(),
    ];
    modules.into_iter().for_each(|module| registry.add_static(module).unwrap());
    registry
}

fn check_same_bytes(extractor: &str, matcher: &str) {
    let (one, two) =
        (results(&native(), extractor, matcher).unwrap(), results(&exported(), extractor, matcher).unwrap());
    assert!(one == two, "{extractor}+{matcher}: linked and opened plugins differ");
}

/// What a mapper makes of an exact scene.
fn mapping(registry: &Registry, section: &str) -> Result<Mapping, EngineError> {
    let workspace = tempfile::tempdir().unwrap();
    let negotiated = negotiated(registry, "dummy-extractor", "dummy-matcher", section)?;
    let mapper = spawn(&negotiated.mapper, &registry.load(negotiated.mapper.plugin_id())?);
    Ok(mapper.map(&match_graph(workspace.path()))?)
}

#[test]
fn dummies() {
    check_same_bytes("dummy-extractor", "dummy-matcher");
}

#[test]
fn aliked_and_nearest() {
    if has_weights() {
        check_same_bytes("aliked", "nearest");
    }
}

#[test]
fn aliked_and_lightglue() {
    if has_weights() {
        check_same_bytes("aliked", "lightglue");
    }
}

#[test]
fn superpoint_and_nearest() {
    if stand_in::superpoint().is_some() {
        check_same_bytes("superpoint", "nearest");
    }
}

#[test]
fn colmap() {
    let python = checkout().join(".deps/venv/bin/python");
    if !python.is_file() {
        eprintln!("skipped: no {}; run `cargo xtask setup`", python.display());
        return;
    }
    let section = format!("plugin = \"colmap\"\nengine = \"pycolmap\"\npython = '{}'", python.display());
    let (one, two) = (mapping(&native(), &section).unwrap(), mapping(&exported(), &section).unwrap());
    let statistics = one.models[0].statistics();
    assert!(statistics.num_registered == 6 && statistics.num_points3d > 100, "{statistics:?}");
    // bytes, not numbers: 0.0 and -0.0 are equal numbers
    let bytes = |mapping: &Mapping| mapping.models.iter().map(write_binary).collect::<Vec<_>>();
    assert!(bytes(&one) == bytes(&two), "linked and opened plugin give different models");
    assert_eq!((one.verified_pairs, one.engine), (two.verified_pairs, two.engine));
}
