//! How long `scene.tiles` takes to write, and how much memory: a made-up scene of as many points as are asked for.
//!
//! `cargo run --release -p scene3d-export --example tiles_bench -- 5000000 [FILE]`

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use nalgebra::{Matrix3, Vector3};
use scene3d_export::{ExportError, write_atomic, write_tiles};
use scene3d_scene::{
    Camera, CameraId, CameraModel, ImageId, Observation, Point3d, Point3dId, Reconstruction, RegisteredImage, Rigid3,
};

const NUM_IMAGES: u32 = 48;
const TRACK_LENGTH: u32 = 4;
const IMAGE_SIZE: [u32; 2] = [3000, 2000];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let num_points: u64 = args.next().ok_or("how many points?")?.parse()?;
    let model = town(num_points)?;
    let before_kb = peak_kb()?;
    let started = Instant::now();
    let mut counted = Counted(0);
    match args.next() {
        Some(path) => {
            write_atomic(Path::new(&path), |sink| write_tiles(&model, sink))?;
            counted.0 = File::open(path)?.metadata()?.len();
        }
        None => write_tiles(&model, BufWriter::new(&mut counted))?,
    }
    let secs = started.elapsed().as_secs_f64();
    let more_mb = (peak_kb()?.saturating_sub(before_kb)) as f64 / 1000.0;
    println!(
        "{num_points} points: {secs:.2} s, {:.1} MB written, peak memory {:.0} MB, {more_mb:.0} MB above the model's",
        counted.0 as f64 / 1e6,
        peak_kb()? as f64 / 1000.0,
    );
    Ok(())
}

struct Counted(u64);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Highest resident memory of this process so far, as Linux tells.
fn peak_kb() -> Result<u64, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).ok_or("no VmHWM in /proc/self/status")?;
    Ok(line.split_whitespace().nth(1).ok_or("no figure")?.parse()?)
}

/// Houses on rolling ground, seen by a ring of cameras: surfaces, as reconstructions are; COLMAP's world, y down.
fn town(num_points: u64) -> Result<Reconstruction, ExportError> {
    let camera = Camera::new(CameraId(1), CameraModel::SimplePinhole, IMAGE_SIZE, vec![2400.0, 1500.0, 1000.0])?;
    let mut model = Reconstruction { cameras: [(CameraId(1), camera)].into(), ..Reconstruction::default() };
    for id in 1..=NUM_IMAGES {
        let angle = f64::from(id) / f64::from(NUM_IMAGES) * std::f64::consts::TAU;
        let center = Vector3::new(14.0 * angle.sin(), -6.0, -14.0 * angle.cos());
        let image = RegisteredImage {
            name: format!("town-{id:02}.jpg"),
            camera_id: CameraId(1),
            cam_from_world: look_at_origin(center),
            keypoints: Vec::new(),
            point3d_ids: Vec::new(),
        };
        model.images.insert(ImageId(id), image);
    }
    let mut next = random();
    for id in 1..=num_points {
        let (x_in_world, color) = place(&mut next);
        let first = (next() * f64::from(NUM_IMAGES)) as u32;
        let length = TRACK_LENGTH.min(2 + (next() * 3.0) as u32);
        let seen = (0..length).map(|k| ImageId(1 + (first + k) % NUM_IMAGES));
        let track = seen.filter_map(|image_id| observe(&mut model, image_id, id, [next(), next()])).collect();
        let error_px = 0.2 + 1.8 * next() * next();
        model.points3d.insert(Point3dId(id), Point3d { x_in_world, color, error_px, track });
    }
    Ok(model)
}

fn observe(model: &mut Reconstruction, image_id: ImageId, point: u64, at: [f64; 2]) -> Option<Observation> {
    let image = model.images.get_mut(&image_id)?;
    let keypoint_idx = u32::try_from(image.keypoints.len()).ok()?;
    image.keypoints.push([at[0] * f64::from(IMAGE_SIZE[0]), at[1] * f64::from(IMAGE_SIZE[1])]);
    image.point3d_ids.push(Some(Point3dId(point)));
    Some(Observation { image_id, keypoint_idx })
}

/// A place on the ground or on one of 49 houses, and its colour.
fn place(next: &mut impl FnMut() -> f64) -> (Vector3<f64>, [u8; 3]) {
    let ground = |x: f64, z: f64| -0.3 * (0.7 * x).sin() * (0.5 * z).cos();
    let shade = 0.75 + 0.25 * next();
    let tinted = |rgb: [f64; 3]| rgb.map(|channel| (channel * shade) as u8);
    if next() < 0.45 {
        let (x, z) = (16.0 * next() - 8.0, 16.0 * next() - 8.0);
        return (Vector3::new(x, ground(x, z), z), tinted([112.0, 142.0, 86.0]));
    }
    let [row, column] = [(next() * 7.0).floor(), (next() * 7.0).floor()];
    let (x0, z0) = (2.2 * row - 6.6, 2.2 * column - 6.6);
    let height = 0.8 + ((3.0 * row + 5.0 * column) % 4.0) * 0.6;
    let (along, up) = (1.2 * next() - 0.6, height * next());
    let (dx, dy, dz) = match (next() * 5.0) as u32 {
        0 => (0.6, up, along),
        1 => (-0.6, up, along),
        2 => (along, up, 0.6),
        3 => (along, up, -0.6),
        _ => (along, height, 1.2 * next() - 0.6),
    };
    let walls = [[205.0, 190.0, 165.0], [190.0, 110.0, 85.0], [150.0, 165.0, 180.0]];
    let is_roof = dy >= height;
    let wall = walls[(row + column) as usize % walls.len()];
    let is_window = !is_roof && (dy * 3.0).fract() > 0.55 && ((dx + dz) * 3.3).rem_euclid(1.0) > 0.5;
    let rgb = if is_roof {
        [120.0, 70.0, 62.0]
    } else if is_window {
        [60.0, 75.0, 95.0]
    } else {
        wall
    };
    (Vector3::new(x0 + dx, ground(x0, z0) - dy, z0 + dz), tinted(rgb))
}

fn look_at_origin(center: Vector3<f64>) -> Rigid3 {
    let z = -center.normalize();
    let x = z.cross(&-Vector3::y()).normalize();
    Rigid3::from_matrix(&Matrix3::from_columns(&[x, z.cross(&x), z]), center).inverse()
}

/// Even in `[0, 1)` (D. Knuth's MMIX constants).
fn random() -> impl FnMut() -> f64 {
    let mut state = 7_u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    }
}
