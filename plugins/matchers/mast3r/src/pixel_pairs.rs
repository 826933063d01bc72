//! Pixel pairs of two dense maps: reciprocal nearest neighbours found from both sides, with their confidence.

use crate::Result;
use crate::reciprocal::{Search, View, WalkRule, reciprocal_pairs};

/// Pixel pairs of two images, sorted, each once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PixelPairs {
    /// `[pixel of image 1, pixel of image 2]`, pixels being `x + width * y`
    pub pixels: Vec<[u32; 2]>,
    /// Of each, from the descriptors' confidences of its two pixels.
    pub confidences: Vec<f32>,
}

/// A decoding: where to search, and the descriptors' confidences `[H * W]` of its image 1 and 2.
pub struct Decoding<'a, S> {
    /// View 1 is image 1.
    pub search: &'a mut S,
    /// Row by row.
    pub confidences: [&'a [f32]; 2],
}

/// Of one decoding; a pair's confidence is the smaller of its pixels' (`extract_correspondences_nonsym`).
///
/// # Errors
/// As [`Search::nearest`].
pub fn pixel_pairs<S: Search>(decoding: Decoding<'_, S>, rule: WalkRule) -> Result<PixelPairs> {
    Ok(merged(found(decoding, rule, f32::min)?))
}

/// Of both decodings of a pair, each with image 1 first; a pair's confidence is the geometric mean of its pixels', and
/// a pair found in both keeps the first decoding's (`extract_correspondences` of MASt3R-SfM).
///
/// # Errors
/// As [`Search::nearest`].
pub fn symmetric_pixel_pairs<S: Search>(decodings: [Decoding<'_, S>; 2], rule: WalkRule) -> Result<PixelPairs> {
    let [forth, back] = decodings;
    let mean = |a: f32, b: f32| (a * b).sqrt();
    let mut all = found(forth, rule, mean)?;
    all.extend(found(back, rule, mean)?);
    Ok(merged(all))
}

/// From the seeds of either image.
fn found<S: Search>(
    Decoding { search, confidences }: Decoding<'_, S>,
    rule: WalkRule,
    joined: impl Fn(f32, f32) -> f32,
) -> Result<Vec<([u32; 2], f32)>> {
    let mut pairs = reciprocal_pairs(search, View::First, rule)?;
    pairs.extend(reciprocal_pairs(search, View::Second, rule)?.into_iter().map(|[second, first]| [first, second]));
    let confidence = |[a, b]: [u32; 2]| joined(confidences[0][a as usize], confidences[1][b as usize]);
    Ok(pairs.into_iter().map(|pair| (pair, confidence(pair))).collect())
}

fn merged(mut all: Vec<([u32; 2], f32)>) -> PixelPairs {
    // stable: of equals, the first decoding's stays
    all.sort_by_key(|(pair, _)| *pair);
    all.dedup_by_key(|(pair, _)| *pair);
    let (pixels, confidences) = all.into_iter().unzip();
    PixelPairs { pixels, confidences }
}
