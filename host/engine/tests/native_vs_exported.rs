//! A plugin gives the same bytes whether it is linked or opened from its library.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests too

mod common;

use common::{check, exported, image, linked, pixels, spawn};
use scene3d_engine::{InstanceOptions, InstancePool, Registry, Silent};
use scene3d_scene::{ImageId, ImageInfo, ImagePair};
use scene3d_wire::{ImageFeatures, Mapping, MatchGraph, Named, NamedView, PairMatches, PreparedPair};

const CONFIG: &str = "[pipeline]\nseed = 7\n[[features]]\nextractor = { plugin = \"dummy-extractor\", cell_size = 3 }\n\
    matcher = { plugin = \"dummy-matcher\", score = 0.25 }\n[mapper]\nplugin = \"dummy-mapper\"\nbaseline = 0.5\n";

const SIZES: [[usize; 2]; 3] = [[31, 22], [10, 40], [2, 2]];

/// All that the stages return for three images, as bytes.
fn run(registry: &Registry, options: &InstanceOptions) -> (Vec<u8>, Mapping) {
    let negotiated = check(registry, CONFIG).unwrap();
    let tensors = SIZES.map(|[width, height]| pixels(width, height));
    let images: Vec<_> = tensors.iter().map(image).collect();
    let extractor = spawn(registry, negotiated.features[0].extractor.as_ref().unwrap(), options.clone()).unwrap();
    let matcher = spawn(registry, &negotiated.features[0].matcher, options.clone()).unwrap();
    let features = extractor.extract(&images).unwrap();
    let mut bytes = Vec::new();
    let mut prepared = Vec::new();
    for (features, image) in features.iter().zip(&images) {
        let (keypoints, scores, descriptors) =
            (features.keypoints.view(), features.scores.view(), features.descriptors.view());
        for view in [keypoints, scores, descriptors] {
            bytes.extend(view.as_slice::<f32>().unwrap().iter().flat_map(|value| value.to_le_bytes()));
        }
        let features = ImageFeatures { keypoints, scores, descriptors, image_size: image.image_size, pixels: None };
        prepared.push(matcher.prepare(&features).unwrap());
    }
    let graph = graph(&features, &images, &matches(&matcher, &features, &prepared));
    bytes.extend(graph.pairs.iter().flat_map(|pair| format!("{pair:?}").into_bytes()));
    let mapper = spawn(registry, &negotiated.mapper, options.clone()).unwrap();
    (bytes, mapper.map(&graph).unwrap())
}

fn matches(
    matcher: &scene3d_engine::Instance,
    features: &[scene3d_wire::Features],
    prepared: &[Named],
) -> Vec<scene3d_scene::Matches> {
    let num = |index: usize| features[index].keypoints.view().shape()[0] as usize;
    let view = |index: usize| NamedView::of(&prepared[index]);
    let pairs = [[0, 1], [0, 2], [1, 2]];
    let prepared_pairs = pairs.map(|[a, b]| PreparedPair { image1: view(a), image2: view(b) });
    matcher.match_pairs(&prepared_pairs, &pairs.map(|[a, b]| [num(a), num(b)])).unwrap()
}

fn graph(
    features: &[scene3d_wire::Features],
    images: &[scene3d_wire::ImageTensor<'_>],
    matches: &[scene3d_scene::Matches],
) -> MatchGraph {
    let keypoints: Vec<Vec<[f32; 2]>> = features
        .iter()
        .map(|features| features.keypoints.view().as_slice::<f32>().unwrap().as_chunks::<2>().0.to_vec())
        .collect();
    let info = |(index, image): (usize, &scene3d_wire::ImageTensor<'_>)| ImageInfo {
        image_id: ImageId(index as u32 + 1),
        name: format!("{index}.jpg"),
        image_size: image.image_size,
        focal_px: None,
        device: None,
    };
    let pair = |a: u32, b: u32| ImagePair::new(ImageId(a), ImageId(b)).unwrap();
    MatchGraph {
        images: images.iter().enumerate().map(info).collect(),
        colors: keypoints.iter().map(|keypoints| vec![[1, 2, 3]; keypoints.len()]).collect(),
        keypoints,
        pairs: [pair(1, 2), pair(1, 3), pair(2, 3)]
            .into_iter()
            .zip(matches)
            .map(|(pair, matches)| PairMatches { pair, matches: matches.clone() })
            .collect(),
        workspace: "work".into(),
    }
}

#[test]
fn linked_and_exported_plugins_agree_bit_for_bit() {
    let options = InstanceOptions { seed: 7, ..InstanceOptions::default() };
    let (native_bytes, native_mapping) = run(&linked(), &options);
    let (exported_bytes, exported_mapping) = run(&exported(), &options);
    assert!(native_bytes.len() > 1000 && !native_mapping.models[0].points3d.is_empty());
    assert!(native_bytes == exported_bytes);
    assert_eq!(native_mapping, exported_mapping);
}

#[test]
fn a_deadline_that_holds_changes_nothing() {
    let in_time = InstanceOptions { call_deadline: Some(std::time::Duration::from_secs(600)), ..Default::default() };
    assert_eq!(run(&linked(), &in_time), run(&linked(), &InstanceOptions::default()));
}

#[test]
fn results_come_in_order_whatever_the_number_of_instances() {
    let registry = exported();
    let plan = check(&registry, CONFIG).unwrap().features.remove(0).extractor.unwrap();
    let counts = |num_instances| {
        let plugin = registry.load(plan.plugin_id()).unwrap();
        let callbacks: std::sync::Arc<dyn scene3d_engine::HostCallbacks> = std::sync::Arc::new(Silent);
        let pool = InstancePool::spawn(&plan, &plugin, num_instances, &InstanceOptions::default(), &callbacks).unwrap();
        assert_eq!(pool.instances().len(), num_instances);
        let mut counts = Vec::new();
        let items = (1..40).map(|side| pixels(side, 41 - side));
        let work = |instance: &scene3d_engine::Instance, pixels| instance.extract(&[image(&pixels)]);
        let sink = |features: Vec<scene3d_wire::Features>| {
            counts.push(features[0].keypoints.view().shape()[0]);
            Ok(())
        };
        pool.run_ordered(items, work, sink).unwrap();
        counts
    };
    let one = counts(1);
    assert_eq!(one.len(), 39);
    assert_eq!(counts(3), one);
}

#[test]
fn the_first_error_in_order_ends_the_work() {
    let registry = linked();
    let plan = check(&registry, CONFIG).unwrap().features.remove(0).extractor.unwrap();
    let plugin = registry.load(plan.plugin_id()).unwrap();
    let callbacks: std::sync::Arc<dyn scene3d_engine::HostCallbacks> = std::sync::Arc::new(Silent);
    let pool = InstancePool::spawn(&plan, &plugin, 2, &InstanceOptions::default(), &callbacks).unwrap();
    let mut seen = Vec::new();
    let work = |_: &scene3d_engine::Instance, item: u32| if item >= 5 { Err(item) } else { Ok(item) };
    let outcome = pool.run_ordered(0.., work, |item| {
        seen.push(item);
        Ok(())
    });
    assert_eq!((outcome, seen), (Err(5), vec![0, 1, 2, 3, 4]));
}
