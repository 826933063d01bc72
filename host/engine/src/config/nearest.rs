//! The valid name that was probably meant.

/// The candidate nearest to a mistyped name by edit distance, unless all are far: more than a third of the name, and
/// more than one edit.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let max_distance = (name.chars().count() / 3).max(1);
    let with_distance = candidates.into_iter().map(|candidate| (edit_distance(name, candidate), candidate));
    with_distance.filter(|(distance, _)| *distance <= max_distance).min().map(|(_, candidate)| candidate)
}

/// Levenshtein distance with swaps of neighbours as one edit (optimal string alignment), ignoring case.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.to_lowercase().chars().collect(), b.to_lowercase().chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(rows[i - 2][j - 2] + 1);
            }
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_edits_and_swaps() {
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("aliked", "ailked"), 1);
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(edit_distance("ALIKED", "aliked"), 0);
    }

    #[test]
    fn the_nearest_name_is_suggested_and_far_ones_are_not() {
        let names = ["max_keypoints", "model", "detection_threshold"];
        assert_eq!(nearest("max_keypoint", names), Some("max_keypoints"));
        assert_eq!(nearest("modle", names), Some("model"));
        assert_eq!(nearest("colour", names), None);
        assert_eq!(nearest("x", []), None);
    }
}
