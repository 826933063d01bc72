//! Area under the recall curve of an error, and recall itself.

/// Area under the curve of recall over error, from 0 to `threshold`, in percent of the best possible.
///
/// As SuperGlue's `pose_auc` (magicleap/SuperGluePretrainedNetwork `models/utils.py`) and hloc compute it: recall rises
/// linearly from one sorted error to the next, from `(0, 0)`, and stays level from the last error below the threshold.
/// Without any errors it is 0.
#[must_use]
pub fn auc_percent(errors: &[f64], threshold: f64) -> f64 {
    let mut sorted = errors.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (mut area, mut last_error, mut last_recall) = (0.0, 0.0, 0.0);
    for (index, error) in sorted.iter().copied().take_while(|error| *error < threshold).enumerate() {
        let recall = (index + 1) as f64 / errors.len() as f64;
        area += (error - last_error) * (last_recall + recall) / 2.0;
        (last_error, last_recall) = (error, recall);
    }
    area += (threshold - last_error) * last_recall;
    100.0 * area / threshold
}

/// Share of errors below `threshold`, in percent; 0 without any errors.
#[must_use]
pub fn recall_percent(errors: &[f64], threshold: f64) -> f64 {
    let num_below = errors.iter().filter(|error| **error < threshold).count();
    100.0 * num_below as f64 / errors.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_computed_by_hand() {
        // one error of 1 deg of one, threshold 2: a triangle of area 1/2 up to 1, then 1 x 1: 1.5 of 2
        assert_eq!(auc_percent(&[1.0], 2.0), 75.0);
        // errors 1 and infinity: recall reaches 1/2 only, so half of that
        assert_eq!(auc_percent(&[f64::INFINITY, 1.0], 2.0), 37.5);
        // none below the threshold, and no errors at all
        assert_eq!(auc_percent(&[3.0], 2.0), 0.0);
        assert_eq!(auc_percent(&[], 2.0), 0.0);
        // perfect: recall jumps to 1 at once
        assert_eq!(auc_percent(&[0.0, 0.0], 5.0), 100.0);
    }

    #[test]
    fn the_reference_function_gives_the_same() {
        // SuperGlue's pose_auc in numpy on these errors
        let errors = [0.3, 4.0, 0.7, 12.0, 2.5, 0.1, 9.0, f64::INFINITY];
        for (threshold, expected) in [(1.0, 28.125), (3.0, 40.208_333_333_333_33), (5.0, 48.5), (10.0, 59.875)] {
            assert!((auc_percent(&errors, threshold) - expected).abs() < 1e-12, "{}", auc_percent(&errors, threshold));
        }
    }

    #[test]
    fn recall_counts_errors_strictly_below() {
        assert_eq!(recall_percent(&[1.0, 2.0, 3.0, 180.0], 2.0), 25.0);
        assert_eq!(recall_percent(&[], 2.0), 0.0);
    }
}
