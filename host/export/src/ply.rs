//! Point clouds as binary little-endian PLY, whole or decimated.
//!
//! Format: G. Turk, "The PLY Polygon File Format", 1994. Vertex properties, 23 bytes: `x y z` f32 in the world frame of
//! the model, `red green blue` u8 sRGB, `reprojection_error` f32 px (negative when never computed), `track_length` u32.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::Write;

use scene3d_scene::{Point3d, Point3dId, Reconstruction};

use crate::ExportError;

const FORMAT: &str = "PLY";
/// A decimated cloud loads at once in any viewer.
const MAX_DECIMATED_POINTS: usize = 100_000;
/// Below this there is nothing to gain from leaving points out.
const MIN_DECIMATED_POINTS: usize = 10_000;
/// Halvings of the cell size: resolves the extent of a scene to one part in 2^40.
const NUM_BISECTIONS: usize = 40;

/// Writes all points, by id.
///
/// # Errors
/// [`ExportError::Write`] if the sink fails.
pub fn write_ply(model: &Reconstruction, sink: impl Write) -> Result<(), ExportError> {
    write_points(model.points3d.values(), model.points3d.len(), sink).map_err(ExportError::write(FORMAT))
}

/// Writes at most `max_points` points that cover the scene evenly; see [`decimate`].
///
/// # Errors
/// [`ExportError::Write`] if the sink fails.
pub fn write_decimated_ply(model: &Reconstruction, max_points: usize, sink: impl Write) -> Result<(), ExportError> {
    let kept = decimate(model, max_points);
    let points = kept.iter().filter_map(|id| model.points3d.get(id));
    write_points(points, kept.len(), sink).map_err(ExportError::write(FORMAT))
}

/// A tenth of the points, but never more than 100,000 nor (if there are as many) fewer than 10,000.
#[must_use]
pub fn default_decimated_points(num_points: usize) -> usize {
    (num_points / 10).clamp(MIN_DECIMATED_POINTS.min(num_points), MAX_DECIMATED_POINTS)
}

/// Ids of at most `max_points` points, ordered: the point with the longest track (then the lowest error, then the
/// lowest id) of each cell of the finest cubic grid that has no more than `max_points` occupied cells.
#[must_use]
pub fn decimate(model: &Reconstruction, max_points: usize) -> Vec<Point3dId> {
    let points = &model.points3d;
    if points.len() <= max_points || max_points == 0 {
        return points.keys().take(max_points).copied().collect();
    }
    // the best points first, so that each cell keeps the first it meets
    let mut ranked: Vec<(&Point3dId, &Point3d)> = points.iter().collect();
    ranked.sort_by(|(_, a), (_, b)| {
        Reverse(a.track.len()).cmp(&Reverse(b.track.len())).then(error_rank(a).total_cmp(&error_rank(b)))
    });
    let mut kept: Vec<Point3dId> = vec![*ranked[0].0];
    let (mut too_fine, mut coarse_enough) = (0.0, 2.0 * extent(points));
    for _ in 0..NUM_BISECTIONS {
        let cell = f64::midpoint(too_fine, coarse_enough);
        match first_of_each_cell(&ranked, cell, max_points) {
            Some(finer) => (kept, coarse_enough) = (finer, cell),
            None => too_fine = cell,
        }
    }
    kept.sort_unstable();
    kept
}

/// Points without an error rank behind those with one.
fn error_rank(point: &Point3d) -> f64 {
    if point.error_px < 0.0 { f64::INFINITY } else { point.error_px }
}

/// Largest absolute coordinate.
fn extent(points: &BTreeMap<Point3dId, Point3d>) -> f64 {
    points.values().map(|point| point.x_in_world.amax()).fold(f64::MIN_POSITIVE, f64::max)
}

/// `None` when more than `max_cells` cells are occupied.
fn first_of_each_cell(ranked: &[(&Point3dId, &Point3d)], cell: f64, max_cells: usize) -> Option<Vec<Point3dId>> {
    let mut first_by_cell = std::collections::HashMap::new();
    for (id, point) in ranked {
        // `as` saturates, so that a hopeless outlier shares the last cell
        let key: [i64; 3] = point.x_in_world.map(|x| (x / cell).floor() as i64).into();
        first_by_cell.entry(key).or_insert(**id);
        if first_by_cell.len() > max_cells {
            return None;
        }
    }
    Some(first_by_cell.into_values().collect())
}

fn write_points<'a>(
    points: impl Iterator<Item = &'a Point3d>,
    num_points: usize,
    mut sink: impl Write,
) -> std::io::Result<()> {
    write!(
        sink,
        "ply\nformat binary_little_endian 1.0\ncomment written by scene3d, world frame of the model\n\
         element vertex {num_points}\n\
         property float x\nproperty float y\nproperty float z\n\
         property uchar red\nproperty uchar green\nproperty uchar blue\n\
         property float reprojection_error\nproperty uint track_length\nend_header\n"
    )?;
    for point in points {
        for coordinate in &point.x_in_world {
            sink.write_all(&(*coordinate as f32).to_le_bytes())?;
        }
        sink.write_all(&point.color)?;
        sink.write_all(&(point.error_px as f32).to_le_bytes())?;
        sink.write_all(&u32::try_from(point.track.len()).unwrap_or(u32::MAX).to_le_bytes())?;
    }
    sink.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_scene;
    use std::collections::HashSet;

    #[test]
    fn decimation_keeps_long_tracks_and_covers_the_scene() {
        let model = test_scene::ring(8);
        let kept = decimate(&model, 20);
        assert!((12..=20).contains(&kept.len()), "{}", kept.len());
        assert!(kept.is_sorted());
        let mean = |ids: &[Point3dId]| {
            ids.iter().map(|id| model.points3d[id].track.len() as f64).sum::<f64>() / ids.len() as f64
        };
        let all: Vec<Point3dId> = model.points3d.keys().copied().collect();
        // 2.5 standard deviations of a random choice of 20 from lengths 2 to 6
        assert!(mean(&kept) > mean(&all) + 0.8, "{} {}", mean(&kept), mean(&all));
        let octant = |id: &Point3dId| <[bool; 3]>::from(model.points3d[id].x_in_world.map(|x| x > 0.0));
        assert_eq!(kept.iter().map(octant).collect::<HashSet<_>>().len(), 8);
    }

    #[test]
    fn decimation_survives_its_edges() {
        let mut model = test_scene::ring(3);
        assert_eq!(decimate(&model, 200).len(), 200);
        assert_eq!(decimate(&model, 0), []);
        assert_eq!(decimate(&model, 1).len(), 1);
        model.points3d.values_mut().for_each(|point| point.x_in_world.fill(0.25));
        assert_eq!(decimate(&model, 7).len(), 1);
        model.points3d.values_mut().next().unwrap().x_in_world.x = 1e12;
        assert_eq!(decimate(&model, 7).len(), 2);
    }

    #[test]
    fn a_default_is_a_tenth_within_bounds() {
        let sizes = [0, 500, 50_000, 400_000, 9_000_000];
        assert_eq!(sizes.map(default_decimated_points), [0, 500, 10_000, 40_000, 100_000]);
    }
}
