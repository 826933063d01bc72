//! Fast reciprocal nearest neighbours of two dense descriptor maps (section 3.3 of the MASt3R paper).
//!
//! Seeds on a grid of one image walk to and fro between nearest neighbours until they come back to where they were: few
//! queries instead of all pixels, and the pairs found lie in basins of attraction, not at the seeds.

mod cache;
mod cpu;
mod device;
mod kernel;
mod torch;

use crate::Result;

pub use cache::Cached;
pub use cpu::CpuSearch;
pub use device::DeviceSearch;
pub use torch::TorchSearch;

/// Rounds after which a seed that still moves is dropped.
const MAX_ROUNDS: usize = 10;
/// No pixel.
const NONE: u32 = u32::MAX;

/// A side of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// The first image.
    First,
    /// The second.
    Second,
}

impl View {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }

    /// 0 or 1.
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }
}

/// Finds nearest neighbours between the pixels of two images; pixels are `x + width * y`.
pub trait Search {
    /// `[width, height]` of a view.
    fn size(&self, view: View) -> [u32; 2];

    /// For each of these pixels of a view, the pixel of the other with the largest dot product, the lowest of equals.
    ///
    /// # Errors
    /// [`crate::Mast3rError::Torch`] if torch refuses an operation.
    fn nearest(&mut self, from: View, pixels: &[u32]) -> Result<Vec<u32>>;

    /// Places `[pixel of from, pixel of the other]` where walks from these pixels of a view came to rest.
    ///
    /// # Errors
    /// As [`Self::nearest`].
    fn walk(&mut self, from: View, seeds: &[u32]) -> Result<Vec<[u32; 2]>> {
        walk(self, from, seeds)
    }
}

/// Where walks start and end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WalkRule {
    /// Seeds lie `subsample` px apart, the first at half of that.
    pub subsample: u32,
    /// 0 walks to the end. Above, there is one round, and a seed that comes back within less than this many px is
    /// matched from where it was.
    pub pixel_tolerance: f32,
}

/// Reciprocal pairs `[pixel of from, pixel of the other]`, sorted, each once.
///
/// # Errors
/// As [`Search::nearest`].
pub fn reciprocal_pairs(search: &mut impl Search, from: View, rule: WalkRule) -> Result<Vec<[u32; 2]>> {
    let seeds = seeds(search.size(from), rule.subsample);
    let mut pairs = if rule.pixel_tolerance > 0.0 {
        returning_seeds(search, from, &seeds, rule.pixel_tolerance)?
    } else {
        search.walk(from, &seeds)?
    };
    pairs.sort_unstable();
    pairs.dedup();
    Ok(pairs)
}

/// In rising order.
fn seeds([width, height]: [u32; 2], subsample: u32) -> Vec<u32> {
    let step = subsample.max(1);
    let along = move |length: u32| (step / 2..length).step_by(step as usize);
    along(height).flat_map(|y| along(width).map(move |x| x + width * y)).collect()
}

fn walk<S: Search + ?Sized>(search: &mut S, from: View, seeds: &[u32]) -> Result<Vec<[u32; 2]>> {
    let mut places: Vec<[u32; 2]> = seeds.iter().map(|seed| [*seed, NONE]).collect();
    let mut moving: Vec<usize> = (0..places.len()).collect();
    for _ in 0..MAX_ROUNDS {
        for at in [0, 1] {
            let view = if at == 0 { from } else { from.other() };
            moving = step(search, view, at, &mut places, &moving)?;
        }
    }
    let mut has_converged = vec![true; places.len()];
    moving.into_iter().for_each(|walker| has_converged[walker] = false);
    let converged = places.into_iter().zip(has_converged).filter(|(_, has_converged)| *has_converged);
    Ok(converged.map(|(place, _)| place).collect())
}

/// Looks from the walkers' places in `view`, entry `at`, for their places in the other; who moved there goes on.
fn step<S: Search + ?Sized>(
    search: &mut S,
    view: View,
    at: usize,
    places: &mut [[u32; 2]],
    moving: &[usize],
) -> Result<Vec<usize>> {
    let pixels: Vec<u32> = moving.iter().map(|walker| places[*walker][at]).collect();
    let found = search.nearest(view, &pixels)?;
    let mut still_moving = Vec::with_capacity(moving.len());
    for (&walker, pixel) in moving.iter().zip(found) {
        let place = &mut places[walker][1 - at];
        if *place != pixel {
            still_moving.push(walker);
        }
        *place = pixel;
    }
    Ok(still_moving)
}

fn returning_seeds(search: &mut impl Search, from: View, seeds: &[u32], tolerance: f32) -> Result<Vec<[u32; 2]>> {
    let partners = search.nearest(from, seeds)?;
    let returned = search.nearest(from.other(), &partners)?;
    let [width, _] = search.size(from);
    let distance = |a: u32, b: u32| {
        let [dx, dy] = [(a % width).abs_diff(b % width), (a / width).abs_diff(b / width)];
        (dx as f32).hypot(dy as f32)
    };
    let pairs = seeds.iter().zip(&partners).zip(&returned);
    let near = pairs.filter(|((seed, _), returned)| distance(**seed, **returned) < tolerance);
    Ok(near.map(|((seed, partner), _)| [*seed, *partner]).collect())
}
