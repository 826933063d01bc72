//! A pair of large photos, matched again at full resolution where the coarse matches say that they show the same.

use std::collections::BTreeMap;

use scene3d_sdk::SdkError;

use crate::Result;
use crate::dense::{DenseRule, Found, correspond, sort};
use crate::directions::decode_both;
use crate::network::{ImageTokens, Network};
use crate::prepared::PreparedImage;
use crate::preprocess::{Crop, NetworkImage};
use crate::windows::{choose, covers, windows};

/// How much work a pair may be.
#[derive(Clone, Copy)]
pub struct Effort<'a> {
    /// Pairs of windows.
    pub max_windows: usize,
    /// Pairs of windows in a batch: those whose maps are in memory at once.
    pub batch_size: usize,
    /// Asked before each batch.
    pub check_cancelled: &'a dyn Fn() -> Result<(), SdkError>,
}

/// Correspondences of pairs of windows, and those coarse ones that no such pair shows. Besides the tokens of at most
/// `2 * max_windows` windows, one batch is in memory at a time.
///
/// # Errors
/// `CANCELLED`, or if torch refuses an operation.
pub fn refine(
    network: &Network,
    pair: &[PreparedImage<'_>; 2],
    coarse: Vec<Found>,
    rule: DenseRule,
    effort: Effort<'_>,
) -> Result<Vec<Found>> {
    let grids = pair.each_ref().map(grid);
    let points: Vec<[f32; 4]> = coarse.iter().map(|found| found.point).collect();
    let chosen = choose(&points, [&grids[0], &grids[1]], effort.max_windows);
    let mut tokens = [BTreeMap::new(), BTreeMap::new()];
    let mut fine = Vec::new();
    for batch in chosen.chunks(effort.batch_size.max(1)) {
        (effort.check_cancelled)()?;
        for image in [0, 1] {
            let wanted = batch.iter().map(|windows| windows[image]);
            encode_missing(network, &pair[image], &grids[image], wanted, &mut tokens[image])?;
        }
        let of_batch: Vec<[&ImageTokens; 2]> =
            batch.iter().map(|&[one, two]| [&tokens[0][&one], &tokens[1][&two]]).collect();
        for (maps, &[one, two]) in decode_both(network, &of_batch)?.iter().zip(batch) {
            fine.extend(correspond(network, maps, [&grids[0][one], &grids[1][two]], rule)?);
        }
    }
    let is_shown = |point| chosen.iter().any(|&[one, two]| covers([&grids[0][one], &grids[1][two]], point));
    fine.extend(coarse.into_iter().filter(|found| !is_shown(found.point)));
    Ok(merged(fine))
}

/// Windows of an image; without its pixels, what was seen of it.
fn grid(image: &PreparedImage<'_>) -> Vec<Crop> {
    if image.rgb.is_some() { windows(&image.crop) } else { vec![image.crop] }
}

fn encode_missing(
    network: &Network,
    image: &PreparedImage<'_>,
    grid: &[Crop],
    wanted: impl Iterator<Item = usize>,
    known: &mut BTreeMap<usize, ImageTokens>,
) -> Result<()> {
    for window in wanted {
        if known.contains_key(&window) {
            continue;
        }
        let tokens = match image.rgb {
            Some(rgb) if grid[window] != image.crop => {
                network.encode(&NetworkImage::cut(rgb, grid[window])?.to_tensor(network.context().device)?)?
            }
            _ => image.tokens.shallow_clone(),
        };
        known.insert(window, tokens);
    }
    Ok(())
}

/// Sorted, each pair of positions once with the highest confidence: windows overlap.
fn merged(mut found: Vec<Found>) -> Vec<Found> {
    sort(&mut found);
    found.dedup_by_key(|found| found.point);
    found
}
