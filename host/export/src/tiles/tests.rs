//! Reads tiles as `docs/tiles.md` says, not as the writer writes; and what must hold of any of them.

use std::collections::BTreeMap;

use nalgebra::Vector3;
use scene3d_scene::{Point3d, Point3dId, Reconstruction};
use serde_json::Value;

use super::write_tiles;
use crate::test_scene;

struct Tiles {
    index: Value,
    data: Vec<u8>,
}

/// A point as it is read.
#[derive(Debug, Clone, PartialEq)]
struct Read {
    path: String,
    x_in_world: Vector3<f64>,
    step: f64,
    color: [u8; 3],
    error_px: f64,
    track_length: usize,
    observations: Vec<(usize, [f64; 2])>,
}

fn u16_at(bytes: &[u8], at: usize) -> f64 {
    f64::from(u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap()))
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

fn numbers<const N: usize>(value: &Value) -> [f64; N] {
    std::array::from_fn(|i| value[i].as_f64().unwrap())
}

fn number(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

impl Tiles {
    fn of(model: &Reconstruction) -> Self {
        let mut bytes = Vec::new();
        write_tiles(model, &mut bytes).unwrap();
        Self::parse(bytes)
    }

    fn parse(mut bytes: Vec<u8>) -> Self {
        assert_eq!((&bytes[..8], u32_at(&bytes, 8)), (&b"S3DTILES"[..], 1));
        let index_bytes = u32_at(&bytes, 12);
        assert_eq!(index_bytes % 8, 0);
        let data = bytes.split_off(16 + index_bytes);
        Self { index: serde_json::from_slice(&bytes[16..]).unwrap(), data }
    }

    fn nodes(&self) -> &Vec<Value> {
        self.index["nodes"].as_array().unwrap()
    }

    /// Lowest corner and edge of the cube of a path.
    fn cube(&self, path: &str) -> (Vector3<f64>, f64) {
        let mut min = Vector3::from(numbers::<3>(&self.index["cube"]["min"]));
        let mut size = self.index["cube"]["size"].as_f64().unwrap();
        for octant in path.bytes().map(|digit| digit - b'0') {
            size /= 2.0;
            min += Vector3::new(octant & 1, octant >> 1 & 1, octant >> 2).map(f64::from) * size;
        }
        (min, size)
    }

    fn slice(&self, node: &Value, at: &str, bytes: &str) -> &[u8] {
        assert_eq!(number(&node[at]) % 8, 0);
        &self.data[number(&node[at])..][..number(&node[bytes])]
    }

    fn points(&self) -> BTreeMap<u64, Read> {
        let mut points = BTreeMap::new();
        for node in self.nodes() {
            let (n, path) = (number(&node["num_points"]), node["path"].as_str().unwrap());
            let (min, size) = self.cube(path);
            let (drawn, tracks) = (self.slice(node, "at", "bytes"), self.slice(node, "tracks_at", "tracks_bytes"));
            for i in 0..n {
                let row = &tracks[16 * i..][..16];
                let id = u64::from_le_bytes(row[..8].try_into().unwrap());
                let (first, count) = (u32_at(row, 8), u32_at(row, 12));
                let seen = (first..first + count).map(|o| &tracks[16 * n + 8 * o..][..8]);
                let error = u16_at(drawn, 6 * n + 2 * i);
                let read = Read {
                    path: path.to_owned(),
                    x_in_world: min + Vector3::from_fn(|k, _| u16_at(drawn, 6 * i + 2 * k)) * (size / 65_535.0),
                    step: size / 65_535.0,
                    color: drawn[10 * n + 3 * i..][..3].try_into().unwrap(),
                    error_px: if error == 65_535.0 { -1.0 } else { error / 1024.0 },
                    track_length: u16_at(drawn, 8 * n + 2 * i) as usize,
                    observations: seen.map(|o| (u32_at(o, 0), [4, 6].map(|at| u16_at(o, at) / 65_535.0))).collect(),
                };
                assert!(points.insert(id, read).is_none(), "point {id} is in two nodes");
            }
        }
        points
    }
}

/// What must hold of any scene.
fn check(what: &str, model: &Reconstruction) -> Tiles {
    let tiles = Tiles::of(model);
    let read = tiles.points();
    assert!(read.keys().eq(model.points3d.keys().map(|id| &id.0)), "{what}: other points");
    let extent = tiles.index["core"]["extent"].as_f64().unwrap();
    let center = Vector3::from(numbers::<3>(&tiles.index["core"]["center"]));
    for (id, point) in &model.points3d {
        let read = &read[&id.0];
        let off = (read.x_in_world - point.x_in_world).amax();
        let rounding = 1e-12 * point.x_in_world.amax().max(tiles.cube("").1);
        assert!(off <= read.step / 2.0 + rounding, "{what}: point {id} is {off} off, its step is {}", read.step);
        let scale = extent.max((point.x_in_world - center).amax());
        assert!(read.step <= scale / 16_384.0 || read.path.len() == 48, "{what}: point {id} in `{}`", read.path);
        assert_eq!((read.color, read.track_length), (point.color, point.track.len()));
        assert!((read.error_px - point.error_px).abs() <= 0.5 / 1024.0);
        assert_eq!(read.observations.len(), point.track.len());
        for (seen, observation) in read.observations.iter().zip(&point.track) {
            let image = &model.images[&observation.image_id];
            let size = model.cameras[&image.camera_id].image_size.map(f64::from);
            assert_eq!(tiles.index["images"][seen.0]["name"], image.name);
            let [x, y] = image.keypoints[observation.keypoint_idx as usize];
            let [dx, dy] = [seen.1[0] - x / size[0], seen.1[1] - y / size[1]];
            assert!(dx.abs().max(dy.abs()) <= 0.5 / 65_535.0 + 1e-12, "{what}: {dx} {dy}");
        }
    }
    check_nodes(what, &tiles);
    let mut again = Vec::new();
    write_tiles(model, &mut again).unwrap();
    assert!(again.ends_with(&tiles.data) && Tiles::of(model).index == tiles.index, "{what}: other bytes");
    tiles
}

/// Payloads follow each other without a gap or an overlap, parents come before their children.
fn check_nodes(what: &str, tiles: &Tiles) {
    let mut end = 0;
    for (at, bytes) in [("at", "bytes"), ("tracks_at", "tracks_bytes")] {
        for node in tiles.nodes() {
            assert_eq!(number(&node[at]), end, "{what}");
            end += number(&node[bytes]);
        }
    }
    assert_eq!(end, tiles.data.len(), "{what}");
    let paths: Vec<&str> = tiles.nodes().iter().map(|node| node["path"].as_str().unwrap()).collect();
    assert_eq!(paths[0], "");
    for (place, path) in paths.iter().enumerate().skip(1) {
        assert!(paths[..place].contains(&&path[..path.len() - 1]), "{what}: `{path}` has no parent before it");
    }
}

/// A scene of given points, each seen by two to four of six cameras.
fn scene(positions: impl Iterator<Item = [f64; 3]>) -> Reconstruction {
    let mut model = test_scene::ring(6);
    let tracks: Vec<_> = model.points3d.values().map(|point| point.track.clone()).collect();
    let points = positions.zip(tracks.iter().cycle()).zip(1_u64..).map(|((position, track), id)| {
        let error_px = if id % 7 == 0 { -1.0 } else { (id % 40) as f64 / 13.0 };
        let point = Point3d { x_in_world: position.into(), color: [id as u8, 7, 9], error_px, track: track.clone() };
        (Point3dId(3 * id), point)
    });
    model.points3d = points.collect();
    model
}

/// Even in `[0, 1)` (D. Knuth's MMIX constants).
fn random(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[test]
fn any_cloud_comes_back_within_half_a_step() {
    for seed in 0..4 {
        let mut next = random(seed);
        let mut cube = || [next(), next(), next()];
        check("a full cube", &scene((0..20_000).map(|_| cube())));
        check("a surface", &scene((0..30_000).map(|_| cube()).map(|[x, y, _]| [x, y, 0.1 * (6.0 * x).sin()])));
        check("a line far away", &scene((0..9_000).map(|_| cube()).map(|[x, ..]| [1e6 + x, 1e6, -1e6])));
        let outlier = |(i, x): (usize, [f64; 3])| if i % 500 == 0 { x.map(|x| (x - 0.5) * 1e7) } else { x };
        check("outliers", &scene((0..20_000).map(|_| cube()).enumerate().map(outlier)));
    }
    check("one place", &scene((0..9_000).map(|_| [1.0, 2.0, 3.0])));
    check("two places", &scene((0..20_000).map(|i| [f64::from(i % 2), 0.0, 0.0])));
    check("one point", &scene(std::iter::once([5.0, 5.0, 5.0])));
    check("no point", &scene(std::iter::empty()));
    check("nothing", &Reconstruction::default());
}

#[test]
fn the_root_is_an_even_sample_and_leaves_hold_the_rest() {
    let mut next = random(9);
    let tiles = check("a surface", &scene((0..60_000).map(|_| [next(), next(), 0.0])));
    let root = number(&tiles.nodes()[0]["num_points"]);
    // a flat square meets 64 x 64 cells
    assert!((4000..=4096).contains(&root), "{root}");
    assert!(tiles.nodes().len() > 4, "{}", tiles.nodes().len());
    let outliers = (0..20_000).map(|i| if i == 0 { [1e6; 3] } else { [next(), next(), next()] });
    let tiles = check("an outlier", &scene(outliers));
    assert!(tiles.index["core"]["extent"].as_f64().unwrap() < 1.1);
    let deepest = tiles.nodes().last().unwrap()["path"].as_str().unwrap().len();
    assert!((18..25).contains(&deepest), "{deepest}");
}

#[test]
fn the_index_tells_cameras_poses_and_scales() {
    let model = test_scene::ring(6);
    let index = Tiles::of(&model).index;
    let [w, x, y, z] = numbers(&index["upright_from_world"]);
    let upright = nalgebra::UnitQuaternion::from_quaternion(nalgebra::Quaternion::new(w, x, y, z));
    assert!((upright * test_scene::UP_IN_WORLD - Vector3::y()).norm() < 1e-9);
    let image = &index["images"][3];
    let expected = &model.images[&scene3d_scene::ImageId(4)];
    assert_eq!((&image["name"], &image["id"]), (&Value::from("ring/image 3.jpg"), &Value::from(4)));
    let center = Vector3::from(numbers::<3>(&image["center"]));
    assert!((center - expected.cam_from_world.origin_in_b()).norm() < 1e-9);
    let [w, x, y, z] = numbers(&image["rotation"]);
    let rotation = nalgebra::UnitQuaternion::from_quaternion(nalgebra::Quaternion::new(w, x, y, z));
    // every camera of the ring looks at the origin along its z axis
    assert!((rotation * Vector3::z() + center.normalize()).norm() < 1e-9);
    let camera = &index["cameras"][number(&image["camera"])];
    assert_eq!((&camera["model"], numbers(&camera["focal"])), (&Value::from("OPENCV"), [500.0, 510.0]));
    assert_eq!(index["error_px"]["p95"], 0.5);
    assert_eq!((&index["track_length"]["min"], &index["track_length"]["max"]), (&Value::from(2.0), &Value::from(6.0)));
}

#[test]
fn a_point_that_is_nowhere_is_refused_by_name() {
    let error = write_tiles(&scene(std::iter::once([f64::NAN, 0.0, 0.0])), Vec::new()).unwrap_err().to_string();
    assert_eq!(error, "tiles cannot hold this scene: point 3 has a coordinate that is not finite");
}

/// What the page's tests read.
const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../frontend/src/scene/fixtures/surface.tiles");

/// With this variable the fixture is written anew.
const RENEW: &str = "SCENE3D_RENEW_FIXTURE";

/// A surface with two outliers, so that there are nodes without points and points in several nodes.
fn fixture() -> Vec<u8> {
    let mut next = random(42);
    let surface = (0..1500).map(|i| match i {
        700 => [90.0, 0.0, 0.0],
        900 => [0.0, -80.0, 0.0],
        _ => [next(), 0.1 * next(), next()].map(|x| 2.0 * x - 1.0),
    });
    let mut bytes = Vec::new();
    write_tiles(&scene(surface), &mut bytes).unwrap();
    bytes
}

/// Equal but for the rounding of sines and cosines, which differ between machines; a rotation has two quaternions.
fn is_close(key: &str, a: &Value, b: &Value) -> bool {
    let all_close = |a: &[Value], b: &[Value]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_close("", a, b));
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * (1.0 + a.abs()),
            _ => false,
        },
        (Value::Array(a), Value::Array(b)) => {
            let negated = || b.iter().map(|x| x.as_f64().map_or(Value::Null, |x| Value::from(-x))).collect::<Vec<_>>();
            all_close(a, b) || (["rotation", "upright_from_world"].contains(&key) && all_close(a, &negated()))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| is_close(key, a, b)))
        }
        _ => a == b,
    }
}

#[test]
fn the_page_reads_what_is_written() {
    if std::env::var_os(RENEW).is_some() {
        std::fs::write(FIXTURE, fixture()).unwrap();
    }
    let (read, written) = (Tiles::parse(std::fs::read(FIXTURE).unwrap()), Tiles::parse(fixture()));
    assert!(
        read.data == written.data && is_close("", &read.index, &written.index),
        "the fixture of the page's tests is of another writer: renew it by running this test with {RENEW}=1, and see that the \
         page's tests pass"
    );
}
