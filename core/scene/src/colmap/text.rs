//! The text form of a COLMAP model.

use std::fmt::{Display, Write};
use std::str::{FromStr, SplitWhitespace};

use nalgebra::Vector3;

use super::{ModelFiles, Parsed, camera, check_references, pose, pose_params};
use crate::{Camera, CameraId, ImageId, Observation, Point3d, Point3dId, Reconstruction, RegisteredImage, SceneError};

/// The model in COLMAP's text form, sorted by id; numbers have the digits that read back to the same bits.
///
/// # Errors
/// [`SceneError::NameWithLineBreak`]: only the binary form can hold such a name.
pub fn write_text(reconstruction: &Reconstruction) -> Result<ModelFiles, SceneError> {
    if let Some(image) = reconstruction.images.values().find(|image| image.name.contains(['\n', '\r'])) {
        return Err(SceneError::NameWithLineBreak(image.name.clone()));
    }
    Ok(ModelFiles {
        cameras: write_cameras(reconstruction).into_bytes(),
        images: write_images(reconstruction).into_bytes(),
        points3d: write_points3d(reconstruction).into_bytes(),
    })
}

/// The model of the bytes of `cameras.txt`, `images.txt` and `points3D.txt`.
///
/// # Errors
/// [`SceneError::ModelFile`] with the line that cannot be read; others where the files contradict each other.
pub fn read_text(cameras: &[u8], images: &[u8], points3d: &[u8]) -> Result<Reconstruction, SceneError> {
    let mut model = Reconstruction::default();
    read_records("cameras.txt", cameras, |line, _| model.insert_camera(read_camera(line)?))?;
    read_records("images.txt", images, |line, keypoints| {
        let (image_id, image) = read_image(line, keypoints.next().unwrap_or_default())?;
        model.insert_image(image_id, image)
    })?;
    read_records("points3D.txt", points3d, |line, _| {
        let (point3d_id, point) = read_point3d(line)?;
        model.insert_point3d(point3d_id, point)
    })?;
    check_references(&model)?;
    Ok(model)
}

fn write_cameras(reconstruction: &Reconstruction) -> String {
    let mut text = format!(
        "# Camera list with one line of data per camera:\n\
         #   CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]\n\
         # Number of cameras: {}\n",
        reconstruction.cameras.len()
    );
    for camera in reconstruction.cameras.values() {
        let [width, height] = camera.image_size;
        put(&mut text, format_args!("{} {} {width} {height} ", camera.camera_id, camera.model.name()));
        put_joined(&mut text, &camera.params);
        text.push('\n');
    }
    text
}

fn write_images(reconstruction: &Reconstruction) -> String {
    let (num_images, num_observations) = (reconstruction.images.len(), reconstruction.statistics().num_observations);
    let mut text = format!(
        "# Image list with two lines of data per image:\n\
         #   IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME\n\
         #   POINTS2D[] as (X, Y, POINT3D_ID)\n\
         # Number of images: {num_images}, mean observations per image: {}\n",
        num_observations as f64 / num_images.max(1) as f64
    );
    for (image_id, image) in &reconstruction.images {
        put(&mut text, format_args!("{image_id} "));
        put_joined(&mut text, pose_params(&image.cam_from_world));
        put(&mut text, format_args!(" {} {}\n", image.camera_id, image.name));
        let keypoints = image.keypoints.iter().zip(&image.point3d_ids).map(|([x, y], point3d_id)| {
            point3d_id.map_or_else(|| format!("{x} {y} -1"), |point3d_id| format!("{x} {y} {point3d_id}"))
        });
        put_joined(&mut text, keypoints);
        text.push('\n');
    }
    text
}

fn write_points3d(reconstruction: &Reconstruction) -> String {
    let mut text = format!(
        "# 3D point list with one line of data per point:\n\
         #   POINT3D_ID, X, Y, Z, R, G, B, ERROR, TRACK[] as (IMAGE_ID, POINT2D_IDX)\n\
         # Number of points: {}, mean track length: {}\n",
        reconstruction.points3d.len(),
        reconstruction.statistics().mean_track_length
    );
    for (point3d_id, point) in &reconstruction.points3d {
        let ([x, y, z], [r, g, b]) = (point.x_in_world.data.0[0], point.color);
        put(&mut text, format_args!("{point3d_id} {x} {y} {z} {r} {g} {b} {} ", point.error_px));
        put_joined(&mut text, point.track.iter().map(|obs| format!("{} {}", obs.image_id, obs.keypoint_idx)));
        text.push('\n');
    }
    text
}

fn put_joined(text: &mut String, items: impl IntoIterator<Item = impl Display>) {
    for (index, item) in items.into_iter().enumerate() {
        put(text, format_args!("{}{item}", if index == 0 { "" } else { " " }));
    }
}

fn put(text: &mut String, arguments: std::fmt::Arguments) {
    // writing to a String cannot fail
    text.write_fmt(arguments).unwrap_or_default();
}

/// Hands each line that is neither empty nor a comment to `read_record`, with the lines after it to take from.
fn read_records<'a>(
    file: &'static str,
    bytes: &'a [u8],
    mut read_record: impl FnMut(&'a str, &mut dyn Iterator<Item = &'a str>) -> Parsed<()>,
) -> Result<(), SceneError> {
    let fail = |line: usize, problem: String| SceneError::ModelFile { file, place: format!("line {line}"), problem };
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let num_lines_before = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        fail(num_lines_before + 1, "expected UTF-8".to_owned())
    })?;
    let mut num_read = 0;
    let mut lines = text.lines().inspect(|_| num_read += 1);
    while let Some(line) = lines.next() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if let Err(problem) = read_record(line, &mut lines) {
            drop(lines);
            return Err(fail(num_read, problem));
        }
    }
    Ok(())
}

fn read_camera(line: &str) -> Parsed<Camera> {
    let mut fields = Fields::of(line);
    let camera_id = fields.next("CAMERA_ID")?;
    let model = fields.next("MODEL")?;
    let image_size = [fields.next("WIDTH")?, fields.next("HEIGHT")?];
    let params = fields.rest("PARAMS")?;
    camera(camera_id, model, image_size, params)
}

fn read_image(line: &str, keypoints_line: &str) -> Parsed<(ImageId, RegisteredImage)> {
    // the name is all that follows the 9 numbers: it may hold spaces
    let mut parts = line.trim_start().splitn(10, ' ');
    let numbers: Vec<&str> = parts.by_ref().take(9).collect();
    let name = parts.next().ok_or("expected IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME")?;
    let mut params = [0.0; 7];
    for (param, number) in params.iter_mut().zip(&numbers[1..8]) {
        *param = parse("the pose", number)?;
    }
    let (keypoints, point3d_ids) = read_keypoints(keypoints_line)?;
    let image = RegisteredImage {
        name: name.to_owned(),
        camera_id: CameraId(parse("CAMERA_ID", numbers[8])?),
        cam_from_world: pose(params)?,
        keypoints,
        point3d_ids,
    };
    Ok((ImageId(parse("IMAGE_ID", numbers[0])?), image))
}

type Keypoints = (Vec<[f64; 2]>, Vec<Option<Point3dId>>);

fn read_keypoints(line: &str) -> Parsed<Keypoints> {
    let mut fields = Fields::of(line);
    let (mut keypoints, mut point3d_ids) = (Vec::new(), Vec::new());
    while !fields.is_empty() {
        keypoints.push([fields.next("X")?, fields.next("Y")?]);
        // COLMAP writes no point as -1
        let id: i64 = fields.next("POINT3D_ID")?;
        point3d_ids.push(u64::try_from(id).ok().map(Point3dId));
    }
    Ok((keypoints, point3d_ids))
}

fn read_point3d(line: &str) -> Parsed<(Point3dId, Point3d)> {
    let mut fields = Fields::of(line);
    let point3d_id = Point3dId(fields.next("POINT3D_ID")?);
    let x_in_world = Vector3::new(fields.next("X")?, fields.next("Y")?, fields.next("Z")?);
    let color = [fields.next("R")?, fields.next("G")?, fields.next("B")?];
    let error_px = fields.next("ERROR")?;
    let mut track = Vec::new();
    while !fields.is_empty() {
        let image_id = ImageId(fields.next("IMAGE_ID")?);
        track.push(Observation { image_id, keypoint_idx: fields.next("POINT2D_IDX")? });
    }
    Ok((point3d_id, Point3d { x_in_world, color, error_px, track }))
}

struct Fields<'a>(std::iter::Peekable<SplitWhitespace<'a>>);

impl<'a> Fields<'a> {
    fn of(line: &'a str) -> Self {
        Self(line.split_whitespace().peekable())
    }

    fn is_empty(&mut self) -> bool {
        self.0.peek().is_none()
    }

    fn next<T: FromStr<Err: Display>>(&mut self, name: &str) -> Parsed<T> {
        let field = self.0.next().ok_or_else(|| format!("expected {name}, got the end of the line"))?;
        parse(name, field)
    }

    fn rest<T: FromStr<Err: Display>>(&mut self, name: &str) -> Parsed<Vec<T>> {
        self.0.by_ref().map(|field| parse(name, field)).collect()
    }
}

fn parse<T: FromStr<Err: Display>>(name: &str, field: &str) -> Parsed<T> {
    field.parse().map_err(|error| format!("{name} cannot be `{field}`: {error}"))
}
