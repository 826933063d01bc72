//! Whether a strided view stays within its storage, in integers that can't overflow.

use crate::pickle_value::TensorRef;

type Result<T> = std::result::Result<T, String>;

/// The number of elements of the view, which is at most that of its storage.
///
/// A view that shows an element more than once (stride 0) is refused where it would be larger than its storage: made
/// contiguous, four bytes could fill any memory.
pub(crate) fn check(tensor: &TensorRef<'_>) -> Result<u64> {
    let TensorRef { storage, offset, shape, strides } = tensor;
    let of_view = || format!("shape {shape:?}, strides {strides:?}, offset {offset}");
    if shape.len() != strides.len() {
        return Err(format!("expected a stride for every dimension, got {}", of_view()));
    }
    if shape.iter().chain(strides).chain([offset, &storage.num_elements]).any(|&number| number < 0) {
        return Err(format!("expected no negative number, got {}", of_view()));
    }
    let overflow = || format!("{} is more than can be counted", of_view());
    let num_elements = shape.iter().try_fold(1_i64, |product, &size| product.checked_mul(size)).ok_or_else(overflow)?;
    let num_stored = storage.num_elements;
    let last = if num_elements == 0 { Some(0) } else { last_element(tensor) };
    let last = last.ok_or_else(overflow)?;
    if last >= num_stored.max(1) {
        return Err(format!("{} reaches element {last} of a storage of {num_stored}", of_view()));
    }
    if num_elements > num_stored {
        return Err(format!("{} has {num_elements} elements, more than the {num_stored} of its storage", of_view()));
    }
    u64::try_from(num_elements).map_err(|_| overflow())
}

/// Whether the view's elements follow each other, so that it takes no copy.
pub(crate) fn is_contiguous(tensor: &TensorRef<'_>) -> bool {
    let mut expected = 1_i64;
    for (&size, &stride) in tensor.shape.iter().zip(&tensor.strides).rev() {
        if size != 1 && stride != expected {
            return tensor.shape.contains(&0);
        }
        expected = expected.saturating_mul(size);
    }
    true
}

fn last_element(tensor: &TensorRef<'_>) -> Option<i64> {
    let mut axes = tensor.shape.iter().zip(&tensor.strides);
    axes.try_fold(tensor.offset, |last, (&size, &stride)| last.checked_add((size - 1).checked_mul(stride)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pickle_value::StorageRef;
    use tch::Kind;

    fn view(num_stored: i64, offset: i64, shape: &[i64], strides: &[i64]) -> TensorRef<'static> {
        let storage = StorageRef { key: "0", kind: Kind::Float, num_elements: num_stored };
        TensorRef { storage, offset, shape: shape.to_vec(), strides: strides.to_vec() }
    }

    fn check_refused(tensor: &TensorRef<'_>, reason: &str) {
        let error = check(tensor).unwrap_err();
        assert!(error.contains(reason), "{error}");
    }

    #[test]
    fn views_within_their_storage_pass() {
        assert_eq!(check(&view(6, 0, &[2, 3], &[3, 1])), Ok(6));
        assert_eq!(check(&view(6, 0, &[3, 2], &[1, 3])), Ok(6));
        assert_eq!(check(&view(6, 5, &[], &[])), Ok(1));
        assert_eq!(check(&view(6, 2, &[1, 4], &[i64::MAX, 1])), Ok(4));
        assert_eq!(check(&view(0, 0, &[0, i64::MAX], &[i64::MAX, 1])), Ok(0));
    }

    #[test]
    fn views_beyond_it_are_refused_whatever_the_numbers() {
        check_refused(&view(6, 1, &[2, 3], &[3, 1]), "reaches element 6 of a storage of 6");
        check_refused(&view(1, 0, &[1 << 40], &[0]), "more than the 1 of its storage");
        check_refused(&view(6, 0, &[i64::MAX, 4], &[0, 0]), "more than can be counted");
        check_refused(&view(6, i64::MAX, &[2], &[i64::MAX]), "more than can be counted");
        check_refused(&view(6, 0, &[-1, 2], &[1, 1]), "no negative number");
        check_refused(&view(6, 0, &[2], &[-1]), "no negative number");
        check_refused(&view(6, -1, &[2], &[1]), "no negative number");
        check_refused(&view(-1, 0, &[0], &[1]), "no negative number");
        check_refused(&view(6, 0, &[2, 3], &[1]), "a stride for every dimension");
        check_refused(&view(0, 0, &[], &[]), "more than the 0 of its storage");
    }

    #[test]
    fn only_views_in_order_take_no_copy() {
        assert!(is_contiguous(&view(6, 0, &[2, 3], &[3, 1])));
        assert!(is_contiguous(&view(6, 0, &[2, 1, 3], &[3, 99, 1])));
        assert!(is_contiguous(&view(6, 0, &[0, 3], &[7, 7])));
        assert!(!is_contiguous(&view(6, 0, &[3, 2], &[1, 3])));
    }
}
