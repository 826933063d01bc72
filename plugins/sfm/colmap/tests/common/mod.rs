//! An exact scene as a match graph, and how far a model is from it.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)] // each test file uses a part of these parts of tests

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use nalgebra::{Matrix3, Rotation3, Vector3};
use scene3d_colmap::{Caller, Colmap, ColmapConfig, EngineChoice};
use scene3d_sdk::scene::{
    Camera, CameraId, CameraModel, ImageId, ImageInfo, ImagePair, Matches, Reconstruction, Rigid3, Statistics,
};
use scene3d_sdk::{ErrorCode, LogLevel, MatchGraph, PairMatches};

pub const INTRINSICS: [f64; 4] = [700.0, 400.0, 300.0, 0.02];
const NUM_POINTS: usize = 500;
const NOISE_PX: f64 = 0.3;

/// A caller that remembers what it was told.
pub struct Recorder {
    pub threads: usize,
    pub cancelled: AtomicBool,
    pub lines: Mutex<Vec<String>>,
}

impl Recorder {
    pub fn new(threads: usize) -> Self {
        Self { threads, cancelled: AtomicBool::new(false), lines: Mutex::default() }
    }

    pub fn said(&self, text: &str) -> bool {
        self.lines.lock().unwrap().iter().any(|line| line.contains(text))
    }
}

impl Caller for Recorder {
    fn threads(&self) -> usize {
        self.threads
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }

    fn progress(&self, share: f64, what: &str) {
        assert!((0.0..=1.0).contains(&share));
        self.lines.lock().unwrap().push(what.to_owned());
    }

    fn log(&self, _: LogLevel, message: &str) {
        self.lines.lock().unwrap().push(message.to_owned());
    }
}

/// The mapper of that engine; `None`, saying so, where it is not installed.
pub fn engine_or_skip(engine: EngineChoice, config: ColmapConfig) -> Option<Colmap> {
    match Colmap::new(ColmapConfig { engine, ..config }, 0) {
        Ok(colmap) => Some(colmap),
        Err(error) if error.code == ErrorCode::UNAVAILABLE => {
            eprintln!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn between(&mut self, min: f64, max: f64) -> f64 {
        min + (max - min) * self.uniform()
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

pub struct Scene {
    pub cams_from_world: Vec<Rigid3>,
    pub graph: MatchGraph,
}

/// Cameras on an arc around a ball of points; 10 % of all matches are wrong. Names hold spaces, folders, accents and a
/// newline.
pub fn scene(num_images: usize, workspace: &Path) -> Scene {
    let mut random = Random(7);
    let points: Vec<Vector3<f64>> =
        (0..NUM_POINTS).map(|_| Vector3::from_fn(|_, _| random.between(-1.5, 1.5))).collect();
    let cams_from_world: Vec<Rigid3> = (0..num_images).map(|index| on_arc(index, num_images)).collect();
    let camera = Camera::new(CameraId(1), CameraModel::SimpleRadial, [800, 600], INTRINSICS.to_vec()).unwrap();
    let mut keypoints = Vec::new();
    let mut seen = Vec::new();
    for pose in &cams_from_world {
        let mut in_image = Vec::new();
        let mut index_of = vec![None; points.len()];
        for (index, point) in points.iter().enumerate() {
            let px = camera.project(&pose.apply(point)).unwrap();
            if (0.0..800.0).contains(&px.x) && (0.0..600.0).contains(&px.y) && random.uniform() < 0.9 {
                index_of[index] = Some(in_image.len() as u32);
                let noisy = [px.x + NOISE_PX * random.normal(), px.y + NOISE_PX * random.normal()];
                in_image.push(noisy.map(|value| value as f32));
            }
        }
        keypoints.push(in_image);
        seen.push(index_of);
    }
    let pairs = pairs(&seen, &mut random);
    let colors = keypoints.iter().map(|all| vec![[10, 200, 30]; all.len()]).collect();
    let images = (0..num_images).map(image).collect();
    Scene { cams_from_world, graph: MatchGraph { images, keypoints, colors, pairs, workspace: workspace.to_owned() } }
}

fn image(index: usize) -> ImageInfo {
    let names = ["räum 1/a b.jpg", "räum 1/new\nline.jpg", "#3 (x).jpg"];
    ImageInfo {
        image_id: ImageId(index as u32 + 1),
        name: names.get(index).map_or_else(|| format!("sub/{index}.jpg"), |name| (*name).to_owned()),
        image_size: [800, 600],
        focal_px: None,
        device: None,
    }
}

fn on_arc(index: usize, num_images: usize) -> Rigid3 {
    let angle = 1.6 * (index as f64 / (num_images - 1) as f64 - 0.5);
    let center = Vector3::new(6.0 * angle.sin(), 0.4 * (index % 3) as f64, -6.0 * angle.cos());
    let z = (-center).normalize();
    let x = Vector3::y().cross(&z).normalize();
    let rotation = Matrix3::from_columns(&[x, z.cross(&x), z]).transpose();
    Rigid3::from_matrix(&rotation, -(rotation * center))
}

fn pairs(seen: &[Vec<Option<u32>>], random: &mut Random) -> Vec<PairMatches> {
    let mut pairs = Vec::new();
    for first in 0..seen.len() {
        for second in first + 1..seen.len() {
            let both = seen[first].iter().zip(&seen[second]);
            let mut indices: Vec<[u32; 2]> = both.filter_map(|(a, b)| Some([(*a)?, (*b)?])).collect();
            for at in 0..indices.len() / 20 {
                // swapping the partners of two matches makes two wrong ones and keeps each keypoint unique
                let other = (random.uniform() * indices.len() as f64) as usize;
                let (a, b) = (indices[at * 20][1], indices[other][1]);
                (indices[at * 20][1], indices[other][1]) = (b, a);
            }
            let scores = vec![1.0; indices.len()];
            let pair = ImagePair::new(ImageId(first as u32 + 1), ImageId(second as u32 + 1)).unwrap();
            pairs.push(PairMatches { pair, matches: Matches { indices, scores } });
        }
    }
    pairs
}

/// Root mean square of the centres' distances after alignment by a similarity (Umeyama 1991), over the arc's radius.
pub fn relative_center_error(model: &Reconstruction, scene: &Scene) -> f64 {
    let truth = |id: &ImageId| scene.cams_from_world[id.0 as usize - 1].origin_in_b();
    let pairs: Vec<_> =
        model.images.iter().map(|(id, image)| (image.cam_from_world.origin_in_b(), truth(id))).collect();
    let count = pairs.len() as f64;
    let mean_a = pairs.iter().map(|pair| pair.0).sum::<Vector3<f64>>() / count;
    let mean_b = pairs.iter().map(|pair| pair.1).sum::<Vector3<f64>>() / count;
    let covariance: Matrix3<f64> = pairs.iter().map(|(a, b)| (b - mean_b) * (a - mean_a).transpose()).sum();
    let svd = covariance.svd(true, true);
    let (u, v_t) = (svd.u.unwrap(), svd.v_t.unwrap());
    let sign = Matrix3::from_diagonal(&Vector3::new(1.0, 1.0, (u * v_t).determinant().signum()));
    let rotation = Rotation3::from_matrix_unchecked(u * sign * v_t);
    let variance: f64 = pairs.iter().map(|(a, _)| (a - mean_a).norm_squared()).sum();
    let scale = (Matrix3::from_diagonal(&svd.singular_values) * sign).trace() / variance;
    let squares = pairs.iter().map(|(a, b)| (scale * (rotation * (a - mean_a)) - (b - mean_b)).norm_squared());
    (squares.sum::<f64>() / count).sqrt() / 6.0
}

/// One model of all images in the right places, its keypoints those of the graph.
pub fn check_model(models: &[Reconstruction], scene: &Scene) -> Statistics {
    assert_eq!(models.len(), 1);
    let (model, graph) = (&models[0], &scene.graph);
    let statistics = model.statistics();
    assert_eq!(statistics.num_registered, graph.images.len());
    assert!(statistics.num_points3d > NUM_POINTS * 9 / 10, "{statistics:?}");
    assert!(statistics.mean_reprojection_error_px < 2.0 * NOISE_PX, "{statistics:?}");
    for ((image, keypoints), info) in model.images.values().zip(&graph.keypoints).zip(&graph.images) {
        assert_eq!(image.name, info.name);
        assert!(image.keypoints.iter().zip(keypoints).all(|(a, b)| *a == b.map(f64::from)));
        assert_eq!(image.keypoints.len(), keypoints.len());
    }
    assert!(model.points3d.values().all(|point| point.color == [10, 200, 30]));
    let error = relative_center_error(model, scene);
    assert!(error < 1e-2, "relative centre error {error}");
    statistics
}
