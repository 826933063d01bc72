//! A pair decoded in both directions: the network is not symmetric, and both opinions together match better than one.

use tch::Tensor;

use crate::Result;
use crate::network::{ImageTokens, Network};
use crate::outputs::{ViewMaps, Wanted};

/// Maps of one image in the pixels of its crop.
#[derive(Debug)]
pub struct Maps {
    /// `[H, W, D] f32`, unit length
    pub descriptors: Tensor,
    /// `[H, W] f32`
    pub confidence: Tensor,
}

/// Maps of a pair's images: as view 1 of one direction and as view 2 of the other, in the order of the directions.
#[derive(Debug)]
pub struct BothDirections {
    /// As view 1 of the direction 1 to 2, and as view 2 of the direction 2 to 1.
    pub of_image1: [Maps; 2],
    /// As view 2 of the direction 1 to 2, and as view 1 of the direction 2 to 1.
    pub of_image2: [Maps; 2],
}

/// Decodes pairs; those whose images all have one size in one batch, both directions in it.
///
/// # Errors
/// If torch refuses an operation.
pub fn decode_both(network: &Network, pairs: &[[&ImageTokens; 2]]) -> Result<Vec<BothDirections>> {
    let Some([first, _]) = pairs.first() else { return Ok(Vec::new()) };
    if pairs.iter().flatten().all(|image| image.grid == first.grid) {
        return decode_batch(network, pairs);
    }
    pairs.iter().map(|pair| decode_pair(network, pair)).collect()
}

fn decode_batch(network: &Network, pairs: &[[&ImageTokens; 2]]) -> Result<Vec<BothDirections>> {
    let side = |side: usize| pairs.iter().map(move |pair| pair[side]);
    let forth_and_back = ImageTokens::stack(&side(0).chain(side(1)).collect::<Vec<_>>())?;
    let back_and_forth = ImageTokens::stack(&side(1).chain(side(0)).collect::<Vec<_>>())?;
    let views = network.decode(&forth_and_back, &back_and_forth, Wanted::Descriptors)?;
    let of_pair = |index: usize| {
        let (forth, back) = (index as i64, (pairs.len() + index) as i64);
        BothDirections {
            of_image1: [maps(&views[0], forth), maps(&views[1], back)],
            of_image2: [maps(&views[1], forth), maps(&views[0], back)],
        }
    };
    Ok((0..pairs.len()).map(of_pair).collect())
}

fn decode_pair(network: &Network, [image1, image2]: &[&ImageTokens; 2]) -> Result<BothDirections> {
    let forth = network.decode(image1, image2, Wanted::Descriptors)?;
    let back = network.decode(image2, image1, Wanted::Descriptors)?;
    Ok(BothDirections {
        of_image1: [maps(&forth[0], 0), maps(&back[1], 0)],
        of_image2: [maps(&forth[1], 0), maps(&back[0], 0)],
    })
}

fn maps(view: &ViewMaps, index: i64) -> Maps {
    Maps { descriptors: view.descriptors.select(0, index), confidence: view.descriptor_confidence.select(0, index) }
}
