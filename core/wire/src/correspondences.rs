//! Correspondences by position, coming out of a matcher that needs no keypoints.

use scene3d_scene::Correspondences;

use crate::named::{NamedView, rows, vector};
use crate::{Named, WireError};

/// Writes `points [M, 4] f32` and `scores [M] f32`.
///
/// # Errors
/// [`WireError`] if there are not as many scores as points.
pub fn correspondences_to_named(found: Correspondences) -> Result<Named, WireError> {
    check_len(found.len(), found.scores.len())?;
    Ok(vec![rows("points", &found.points)?, vector("scores", found.scores)?])
}

/// Reads `points [M, 4] f32` and `scores [M] f32`; each point must lie within its image, whose sizes are
/// `[width, height]` in px.
///
/// # Errors
/// [`WireError`] if one is missing or malformed, or a point is outside of its image or no number.
pub fn correspondences_from_named(
    named: &NamedView<'_>,
    image_sizes: [[u32; 2]; 2],
) -> Result<Correspondences, WireError> {
    let points = named.rows::<f32, 4>("points")?;
    let scores = named.slice::<f32>("scores")?;
    check_len(points.len(), scores.len())?;
    let limits = image_sizes.as_flattened();
    // of a NaN no comparison holds
    let is_inside = |point: &[f32; 4]| point.iter().zip(limits).all(|(px, limit)| (0.0..=*limit as f32).contains(px));
    if let Some(outside) = points.iter().find(|point| !is_inside(point)) {
        let reason = format!("correspondence {outside:?} is outside of its images of {image_sizes:?} px");
        return Err(WireError::content("points", reason));
    }
    Ok(Correspondences { points: points.to_vec(), scores: scores.to_vec() })
}

fn check_len(num_points: usize, num_scores: usize) -> Result<(), WireError> {
    if num_points == num_scores {
        return Ok(());
    }
    Err(WireError::content("scores", format!("{num_scores} scores for {num_points} correspondences")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: [[u32; 2]; 2] = [[40, 30], [8, 6]];

    fn read(point: [f32; 4]) -> Result<Correspondences, WireError> {
        let found = Correspondences { points: vec![[0.5, 0.5, 0.5, 0.5], point], scores: vec![1.0, 0.5] };
        let named = correspondences_to_named(found)?;
        correspondences_from_named(&NamedView::of(&named), SIZES)
    }

    #[test]
    fn what_is_written_is_read_again() {
        for point in [[0.0, 0.0, 0.0, 0.0], [40.0, 30.0, 8.0, 6.0], [39.5, 0.25, 7.5, 3.0]] {
            let found = read(point).unwrap();
            assert_eq!((found.points[1], found.scores.as_slice()), (point, &[1.0, 0.5][..]));
        }
    }

    #[test]
    fn points_outside_of_their_image_are_refused() {
        for point in [[40.1, 1.0, 1.0, 1.0], [1.0, 30.1, 1.0, 1.0], [1.0, 1.0, 8.1, 1.0], [1.0, 1.0, 1.0, -0.1]] {
            let message = read(point).unwrap_err().to_string();
            assert!(message.contains("is outside of its images of [[40, 30], [8, 6]] px"), "{message}");
        }
        assert!(read([f32::NAN, 1.0, 1.0, 1.0]).is_err() && read([1.0, f32::INFINITY, 1.0, 1.0]).is_err());
    }

    #[test]
    fn every_point_has_a_score() {
        let found = Correspondences { points: vec![[0.5; 4]], scores: Vec::new() };
        let message = correspondences_to_named(found).unwrap_err().to_string();
        assert_eq!(message, "tensor `scores`: 0 scores for 1 correspondences");
    }
}
