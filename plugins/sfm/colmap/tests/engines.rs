//! Both engines on an exact scene.
#![allow(clippy::unwrap_used)] // in the parts of tests, too

mod common;

use common::{INTRINSICS, Recorder, check_model, engine_or_skip, scene};
use scene3d_colmap::{ColmapConfig, EngineChoice, MapperKind};
use scene3d_sdk::scene::TwoViewConfiguration;
use scene3d_sdk::scene::colmap::{ModelFiles, write_binary};
use scene3d_sdk::{ErrorCode, Mapping};

const NUM_IMAGES: usize = 8;

fn map(engine: EngineChoice, config: ColmapConfig, threads: usize) -> Option<(Mapping, common::Scene, Recorder)> {
    let workspace = tempfile::tempdir().unwrap();
    let scene = scene(NUM_IMAGES, workspace.path());
    let caller = Recorder::new(threads);
    let mapping = engine_or_skip(engine, config)?.map_graph(&scene.graph, &caller).unwrap();
    assert!(workspace.path().join("colmap.log").is_file());
    assert!(!workspace.path().join("models").exists());
    Some((mapping, scene, caller))
}

fn check_engine(engine: EngineChoice, name: &str) {
    let Some((mapping, scene, caller)) = map(engine, ColmapConfig::default(), 2) else { return };
    assert!(mapping.engine.starts_with(name), "{}", mapping.engine);
    check_model(&mapping.models, &scene);
    assert!(caller.said(&format!("registered {NUM_IMAGES} of {NUM_IMAGES} images")));
    assert_eq!(mapping.verified_pairs.len(), NUM_IMAGES * (NUM_IMAGES - 1) / 2);
    for (verified, given) in mapping.verified_pairs.iter().zip(&scene.graph.pairs) {
        assert_eq!(verified.pair, given.pair);
        let share = verified.num_inliers as f64 / given.matches.len() as f64;
        assert!((0.8..0.97).contains(&share), "{verified:?} of {}", given.matches.len());
        assert_eq!(verified.configuration, TwoViewConfiguration::Uncalibrated);
    }
}

fn check_fixed_intrinsics(engine: EngineChoice) {
    let config = ColmapConfig { intrinsics: INTRINSICS.to_vec(), ..Default::default() };
    let Some((mapping, scene, _)) = map(engine, config, 2) else { return };
    check_model(&mapping.models, &scene);
    assert!(mapping.models[0].cameras.values().all(|camera| camera.params == INTRINSICS));
    assert!(mapping.verified_pairs.iter().all(|pair| pair.configuration == TwoViewConfiguration::Calibrated));
}

fn check_deterministic(engine: EngineChoice) {
    let Some((once, ..)) = map(engine, ColmapConfig::default(), 2) else { return };
    let (again, ..) = map(engine, ColmapConfig::default(), 1).unwrap();
    let (other_seed, ..) = map(engine, ColmapConfig { seed: 5, ..Default::default() }, 1).unwrap();
    assert!(bytes(&once) == bytes(&again) && once.verified_pairs == again.verified_pairs);
    assert!(bytes(&once) != bytes(&other_seed));
}

fn bytes(mapping: &Mapping) -> Vec<ModelFiles> {
    assert!(!mapping.models.is_empty());
    mapping.models.iter().map(write_binary).collect()
}

#[test]
fn pycolmap_registers_all() {
    check_engine(EngineChoice::Pycolmap, "pycolmap ");
}

#[test]
fn cli_registers_all() {
    check_engine(EngineChoice::Cli, "colmap ");
}

#[test]
fn pycolmap_keeps_given_intrinsics() {
    check_fixed_intrinsics(EngineChoice::Pycolmap);
}

#[test]
fn cli_keeps_given_intrinsics() {
    check_fixed_intrinsics(EngineChoice::Cli);
}

#[test]
fn pycolmap_is_deterministic() {
    check_deterministic(EngineChoice::Pycolmap);
}

#[test]
fn cli_is_deterministic() {
    check_deterministic(EngineChoice::Cli);
}

fn check_mapper(engine: EngineChoice, mapper: MapperKind) {
    let config = ColmapConfig { mapper, ..Default::default() };
    let Some((mapping, scene, _)) = map(engine, config.clone(), 2) else { return };
    check_model(&mapping.models, &scene);
    let (again, ..) = map(engine, config, 1).unwrap();
    assert!(bytes(&mapping) == bytes(&again) && mapping.verified_pairs == again.verified_pairs);
}

#[test]
fn pycolmap_maps_globally() {
    check_mapper(EngineChoice::Pycolmap, MapperKind::Global);
}

#[test]
fn pycolmap_maps_hierarchically() {
    check_mapper(EngineChoice::Pycolmap, MapperKind::Hierarchical);
}

#[test]
fn cli_maps_hierarchically() {
    check_mapper(EngineChoice::Cli, MapperKind::Hierarchical);
}

#[test]
fn a_cli_without_global_mapping_says_what_has_it() {
    let workspace = tempfile::tempdir().unwrap();
    let config = ColmapConfig { mapper: MapperKind::Global, ..Default::default() };
    let Some(mut colmap) = engine_or_skip(EngineChoice::Cli, config) else { return };
    match colmap.map_graph(&scene(4, workspace.path()).graph, &Recorder::new(1)) {
        Ok(mapping) => assert!(mapping.engine.as_str() >= "colmap 4"),
        Err(error) => {
            assert_eq!(error.code, ErrorCode::UNSUPPORTED, "{error}");
            assert!(error.message.contains("needs colmap >= 4.0 or pycolmap"), "{error}");
        }
    }
}

fn check_nothing_to_map(engine: EngineChoice) {
    let workspace = tempfile::tempdir().unwrap();
    let mut scene = scene(4, workspace.path());
    let Some(mut colmap) = engine_or_skip(engine, ColmapConfig::default()) else { return };
    // matches without a common geometry
    for pair in &mut scene.graph.pairs {
        pair.matches.indices.truncate(12);
        pair.matches.scores.truncate(12);
    }
    let mapping = colmap.map_graph(&scene.graph, &Recorder::new(2)).unwrap();
    assert!(mapping.models.is_empty() && mapping.verified_pairs.is_empty());
    scene.graph.pairs.clear();
    let mapping = colmap.map_graph(&scene.graph, &Recorder::new(2)).unwrap();
    assert!(mapping.models.is_empty() && !mapping.engine.is_empty());
}

#[test]
fn pycolmap_maps_nothing_of_nothing() {
    check_nothing_to_map(EngineChoice::Pycolmap);
}

#[test]
fn cli_maps_nothing_of_nothing() {
    check_nothing_to_map(EngineChoice::Cli);
}
