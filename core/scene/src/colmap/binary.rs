//! The binary form of a COLMAP model, little-endian.

use nalgebra::Vector3;

use super::{INVALID_POINT3D_ID, ModelFiles, Parsed, camera, check_references, point3d_id, pose, pose_params};
use crate::{
    CameraId, CameraModel, ImageId, Observation, Point3d, Point3dId, Reconstruction, RegisteredImage, SceneError,
};

/// Bytes of one keypoint: x, y, point id.
const KEYPOINT_BYTES: usize = 24;
/// Bytes of one observation: image id, keypoint index.
const OBSERVATION_BYTES: usize = 8;

/// The model in COLMAP's binary form, sorted by id. A name ends at its first NUL, which no file name holds.
#[must_use]
pub fn write_binary(reconstruction: &Reconstruction) -> ModelFiles {
    ModelFiles {
        cameras: write_cameras(reconstruction),
        images: write_images(reconstruction),
        points3d: write_points3d(reconstruction),
    }
}

/// The model of the bytes of `cameras.bin`, `images.bin` and `points3D.bin`.
///
/// # Errors
/// [`SceneError::ModelFile`] for a file that is truncated or corrupt, with the byte at which reading stopped; others
/// where the files contradict each other.
pub fn read_binary(cameras: &[u8], images: &[u8], points3d: &[u8]) -> Result<Reconstruction, SceneError> {
    let mut model = Reconstruction::default();
    read_records("cameras.bin", cameras, |reader| model.insert_camera(read_camera(reader)?))?;
    read_records("images.bin", images, |reader| {
        let (image_id, image) = read_image(reader)?;
        model.insert_image(image_id, image)
    })?;
    read_records("points3D.bin", points3d, |reader| {
        let (point3d_id, point) = read_point3d(reader)?;
        model.insert_point3d(point3d_id, point)
    })?;
    check_references(&model)?;
    Ok(model)
}

fn write_cameras(reconstruction: &Reconstruction) -> Vec<u8> {
    let mut bytes = Writer::counted(reconstruction.cameras.len());
    for camera in reconstruction.cameras.values() {
        bytes.u32(camera.camera_id.0);
        bytes.put(&camera.model.colmap_id().to_le_bytes());
        camera.image_size.iter().for_each(|side| bytes.u64(u64::from(*side)));
        bytes.f64s(&camera.params);
    }
    bytes.0
}

fn write_images(reconstruction: &Reconstruction) -> Vec<u8> {
    let mut bytes = Writer::counted(reconstruction.images.len());
    for (image_id, image) in &reconstruction.images {
        bytes.u32(image_id.0);
        bytes.f64s(&pose_params(&image.cam_from_world));
        bytes.u32(image.camera_id.0);
        bytes.0.extend(image.name.bytes().take_while(|byte| *byte != 0).chain([0]));
        bytes.u64(image.keypoints.len() as u64);
        for (keypoint, point3d_id) in image.keypoints.iter().zip(&image.point3d_ids) {
            bytes.f64s(keypoint);
            bytes.u64(point3d_id.map_or(INVALID_POINT3D_ID, |id| id.0));
        }
    }
    bytes.0
}

fn write_points3d(reconstruction: &Reconstruction) -> Vec<u8> {
    let mut bytes = Writer::counted(reconstruction.points3d.len());
    for (point3d_id, point) in &reconstruction.points3d {
        bytes.u64(point3d_id.0);
        bytes.f64s(point.x_in_world.as_slice());
        bytes.put(&point.color);
        bytes.f64s(&[point.error_px]);
        bytes.u64(point.track.len() as u64);
        for observation in &point.track {
            bytes.u32(observation.image_id.0);
            bytes.u32(observation.keypoint_idx);
        }
    }
    bytes.0
}

fn read_records(
    file: &'static str,
    bytes: &[u8],
    mut read_record: impl FnMut(&mut Reader) -> Parsed<()>,
) -> Result<(), SceneError> {
    let mut reader = Reader { bytes, position: 0 };
    let mut read_all = || {
        for _ in 0..reader.u64()? {
            read_record(&mut reader)?;
        }
        let num_left = reader.bytes.len() - reader.position;
        if num_left == 0 { Ok(()) } else { Err(format!("expected the end of the file, got {num_left} more bytes")) }
    };
    let read = read_all();
    read.map_err(|problem| SceneError::ModelFile { file, place: format!("byte {}", reader.position), problem })
}

fn read_camera(reader: &mut Reader) -> Parsed<crate::Camera> {
    let (camera_id, model_id) = (reader.u32()?, reader.i32()?);
    let model = CameraModel::from_colmap_id(model_id)
        .ok_or_else(|| format!("camera model id {model_id} is not one of {}", CameraModel::NAMES.join(", ")))?;
    let image_size = [reader.u64()?, reader.u64()?];
    let params = (0..model.num_params()).map(|_| reader.f64()).collect::<Parsed<_>>()?;
    camera(camera_id, model, image_size, params)
}

fn read_image(reader: &mut Reader) -> Parsed<(ImageId, RegisteredImage)> {
    let image_id = ImageId(reader.u32()?);
    let cam_from_world = pose(reader.f64s()?)?;
    let camera_id = CameraId(reader.u32()?);
    let name = reader.name()?;
    let num_keypoints = reader.count(KEYPOINT_BYTES)?;
    let (mut keypoints, mut point3d_ids) = (Vec::with_capacity(num_keypoints), Vec::with_capacity(num_keypoints));
    for _ in 0..num_keypoints {
        keypoints.push(reader.f64s()?);
        point3d_ids.push(point3d_id(reader.u64()?));
    }
    Ok((image_id, RegisteredImage { name, camera_id, cam_from_world, keypoints, point3d_ids }))
}

fn read_point3d(reader: &mut Reader) -> Parsed<(Point3dId, Point3d)> {
    let point3d_id = Point3dId(reader.u64()?);
    let x_in_world = Vector3::from(reader.f64s::<3>()?);
    let color = reader.array()?;
    let error_px = reader.f64()?;
    let num_observations = reader.count(OBSERVATION_BYTES)?;
    let track = (0..num_observations)
        .map(|_| Ok(Observation { image_id: ImageId(reader.u32()?), keypoint_idx: reader.u32()? }))
        .collect::<Parsed<_>>()?;
    Ok((point3d_id, Point3d { x_in_world, color, error_px, track }))
}

struct Writer(Vec<u8>);

impl Writer {
    fn counted(num_records: usize) -> Self {
        Self((num_records as u64).to_le_bytes().to_vec())
    }

    fn put(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn u32(&mut self, value: u32) {
        self.put(&value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.put(&value.to_le_bytes());
    }

    fn f64s(&mut self, values: &[f64]) {
        values.iter().for_each(|value| self.put(&value.to_le_bytes()));
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Parsed<[u8; N]> {
        let rest = &self.bytes[self.position..];
        let array = rest.first_chunk::<N>();
        let array = array.ok_or_else(|| format!("expected {N} more bytes, got {}: the file is cut off", rest.len()))?;
        self.position += N;
        Ok(*array)
    }

    fn u32(&mut self) -> Parsed<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn i32(&mut self) -> Parsed<i32> {
        self.array().map(i32::from_le_bytes)
    }

    fn u64(&mut self) -> Parsed<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn f64(&mut self) -> Parsed<f64> {
        self.array().map(f64::from_le_bytes)
    }

    fn f64s<const N: usize>(&mut self) -> Parsed<[f64; N]> {
        let mut values = [0.0; N];
        for value in &mut values {
            *value = self.f64()?;
        }
        Ok(values)
    }

    /// A count of records of `record_bytes` each, refused before anything is allocated if the file cannot hold them.
    fn count(&mut self, record_bytes: usize) -> Parsed<usize> {
        let count = self.u64()?;
        let max_count = (self.bytes.len() - self.position) / record_bytes;
        let fitting = usize::try_from(count).ok().filter(|count| *count <= max_count);
        fitting.ok_or_else(|| format!("expected at most {max_count} entries in the rest of the file, got {count}"))
    }

    fn name(&mut self) -> Parsed<String> {
        let rest = &self.bytes[self.position..];
        let length = rest.iter().position(|byte| *byte == 0).ok_or("expected a name that ends with NUL")?;
        let name = std::str::from_utf8(&rest[..length]).map_err(|_| "expected a name in UTF-8")?;
        self.position += length + 1;
        Ok(name.to_owned())
    }
}
