//! Windows of photos at full resolution, and which pairs of them to match (section 3.4 of the MASt3R paper).

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::preprocess::Crop;

/// Share of the coarse correspondences that the chosen pairs of windows must cover; the paper's.
const COVERAGE: f64 = 0.9;

/// Windows of the size of a photo's coarse crop that cover the photo row by row, each overlapping the next by half or
/// more; the coarse crop itself for a photo that was not reduced to it.
#[must_use]
pub fn windows(coarse: &Crop) -> Vec<Crop> {
    let Crop { photo_size, size, .. } = *coarse;
    if !coarse.is_reduced() {
        return vec![*coarse];
    }
    let [across, down] = [0, 1].map(|axis| origins(photo_size[axis], size[axis]));
    let window = |origin| Crop { photo_size, resized_size: photo_size, origin, size };
    down.iter().flat_map(|&top| across.iter().map(move |&left| window([left, top]))).collect()
}

/// Evenly spaced first pixels of windows that cover `length` px.
fn origins(length: u32, window: u32) -> Vec<u32> {
    let slack = length.saturating_sub(window);
    let num_steps = slack.div_ceil((window / 2).max(1));
    (0..=num_steps).map(|step| step * slack / num_steps.max(1)).collect()
}

/// Pairs of windows `[index in the grid of photo 1, of photo 2]`, those that cover most of the yet uncovered points
/// first, until enough are covered or there are `max_pairs`. `points` are `x1, y1, x2, y2` in px of the photos.
#[must_use]
pub fn choose(points: &[[f32; 4]], grids: [&[Crop]; 2], max_pairs: usize) -> Vec<[usize; 2]> {
    let mut uncovered = members(points, grids);
    let mut is_covered = vec![false; points.len()];
    let mut num_left = points.len();
    let mut chosen = Vec::new();
    while chosen.len() < max_pairs && num_left as f64 > (1.0 - COVERAGE) * points.len() as f64 {
        // of equals the first pair
        let best = uncovered.iter().max_by_key(|(pair, points)| (points.len(), Reverse(**pair)));
        let Some((&pair, newly_covered)) = best.filter(|(_, points)| !points.is_empty()) else { break };
        num_left -= newly_covered.len();
        newly_covered.iter().for_each(|&point| is_covered[point as usize] = true);
        chosen.push(pair);
        uncovered.values_mut().for_each(|points| points.retain(|&point| !is_covered[point as usize]));
    }
    chosen
}

/// Whether a pair of windows shows both ends of a correspondence.
#[must_use]
pub fn covers(windows: [&Crop; 2], [x1, y1, x2, y2]: [f32; 4]) -> bool {
    windows[0].contains([x1, y1]) && windows[1].contains([x2, y2])
}

/// For each pair of windows that shows any, the indices of the points that it shows.
fn members(points: &[[f32; 4]], grids: [&[Crop]; 2]) -> BTreeMap<[usize; 2], Vec<u32>> {
    let showing = |grid: &[Crop], px: [f32; 2]| -> Vec<usize> {
        grid.iter().enumerate().filter(|(_, window)| window.contains(px)).map(|(index, _)| index).collect()
    };
    let mut members: BTreeMap<[usize; 2], Vec<u32>> = BTreeMap::new();
    for (index, &[x1, y1, x2, y2]) in points.iter().enumerate() {
        let [showing1, showing2] = [showing(grids[0], [x1, y1]), showing(grids[1], [x2, y2])];
        for pair in showing1.iter().flat_map(|&one| showing2.iter().map(move |&two| [one, two])) {
            members.entry(pair).or_default().push(index as u32);
        }
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(photo_size: [u32; 2]) -> Vec<Crop> {
        windows(&Crop::new(photo_size, 512).unwrap())
    }

    #[test]
    fn windows_cover_the_photo_and_overlap_by_half_or_more() {
        for photo_size in [[4032, 3024], [3024, 4032], [1536, 1033], [1000, 1000], [513, 385], [768, 577], [6000, 700]]
        {
            let windows = grid(photo_size);
            let coarse = Crop::new(photo_size, 512).unwrap();
            assert!(windows.iter().all(|window| window.size == coarse.size && window.resized_size == photo_size));
            for axis in 0..2 {
                let (length, side) = (photo_size[axis], coarse.size[axis]);
                let mut origins: Vec<u32> = windows.iter().map(|window| window.origin[axis]).collect();
                origins.sort_unstable();
                origins.dedup();
                assert_eq!((origins[0], origins[origins.len() - 1] + side), (0, length), "{photo_size:?}");
                assert!(origins.windows(2).all(|pair| pair[1] - pair[0] <= side / 2), "{origins:?}");
            }
        }
        assert_eq!(grid([4032, 3024]).len(), 15 * 15);
    }

    #[test]
    fn a_photo_that_is_not_larger_is_its_own_window() {
        for photo_size in [[512, 384], [320, 240], [300, 500]] {
            assert_eq!(grid(photo_size), [Crop::new(photo_size, 512).unwrap()]);
        }
    }

    #[test]
    fn pixels_of_windows_are_pixels_of_the_photo_exactly() {
        for window in grid([4032, 3024]) {
            for index in [[0.0, 0.0], [511.0, 383.0], [17.0, 200.0]] {
                let px = window.to_photo(index);
                assert_eq!(px, [0, 1].map(|axis| window.origin[axis] as f32 + index[axis] + 0.5));
                assert_eq!(window.from_photo(px), index);
                assert!(window.contains(px));
            }
            assert!(!window.contains(window.to_photo([-1.0, 0.0])) && !window.contains(window.to_photo([0.0, 384.0])));
        }
    }

    /// A photo seen again 300 px to the right and 80 px lower.
    fn shifted_points() -> Vec<[f32; 4]> {
        let steps = |to: u32| (1..to).step_by(37).map(|px| px as f32);
        steps(1700).flat_map(|x| steps(1400).map(move |y| [x, y, x + 300.0, y + 80.0])).collect()
    }

    #[test]
    fn chosen_pairs_cover_most_points_in_falling_order() {
        let (points, windows) = (shifted_points(), grid([2048, 1536]));
        let grids = [windows.as_slice(), windows.as_slice()];
        let chosen = choose(&points, grids, 1000);
        let is_shown = |chosen: &[[usize; 2]], point: [f32; 4]| {
            chosen.iter().any(|&[one, two]| covers([&windows[one], &windows[two]], point))
        };
        let num_shown = |chosen: &[[usize; 2]]| points.iter().filter(|point| is_shown(chosen, **point)).count();
        let enough = 0.9 * points.len() as f64;
        assert!(num_shown(&chosen) as f64 >= enough && (num_shown(&chosen[..chosen.len() - 1]) as f64) < enough);
        let gains: Vec<_> = (1..=chosen.len()).map(|n| num_shown(&chosen[..n]) - num_shown(&chosen[..n - 1])).collect();
        assert!(gains.is_sorted_by(|a, b| a >= b), "{gains:?}");
        assert_eq!(choose(&points, grids, 3), chosen[..3]);
    }

    #[test]
    fn without_points_nothing_is_chosen() {
        let windows = grid([2048, 1536]);
        assert!(choose(&[], [&windows, &windows], 8).is_empty());
        // a square's coarse crop shows its middle only
        let coarse = [Crop::new([400, 400], 512).unwrap()];
        assert!(choose(&[[200.0, 10.0, 200.0, 10.0]], [&coarse, &coarse], 8).is_empty());
    }
}
