//! How a run is split into parts: the photos into shards, the pairs into blocks of few images.

use std::collections::BTreeSet;

use scene3d_scene::ImagePair;

use crate::delegate::{Part, PartTask};
use crate::extract::place_of;
use crate::pairing::in_tile_order;
use crate::photos::Photo;

/// Parts that do something with each of these photos, by their places.
pub(crate) fn shards(photos: &[Photo], places: &[usize], images_per_shard: usize, task: &PartTask) -> Vec<Part> {
    let part = |places: &[usize]| Part { photos: names(photos, places.iter().copied()), task: task.clone() };
    places.chunks(images_per_shard.max(1)).map(part).collect()
}

/// Parts that match these pairs, each of at most `images_per_block` images: of a dense pair matrix its tiles, of a sparse one
/// as many tiles together as have so few images.
pub(crate) fn blocks(photos: &[Photo], pairs: &BTreeSet<ImagePair>, images_per_block: usize) -> Vec<Part> {
    let side = (images_per_block / 2).max(1);
    let mut blocks: Vec<Block> = Vec::new();
    let ordered = in_tile_order(pairs, side);
    for tile in ordered.chunk_by(|a, b| tile_of(*a, side) == tile_of(*b, side)) {
        if !blocks.last().is_some_and(|block| block.takes(tile, side)) {
            blocks.push(Block::default());
        }
        if let Some(block) = blocks.last_mut() {
            block.images.extend(images_of(tile));
            block.pairs.extend(tile);
        }
    }
    blocks.iter().map(|block| block.part(photos)).collect()
}

fn tile_of(pair: ImagePair, side: usize) -> [usize; 2] {
    [pair.image1, pair.image2].map(|id| place_of(id) / side)
}

fn images_of(pairs: &[ImagePair]) -> impl Iterator<Item = usize> {
    pairs.iter().flat_map(|pair| [pair.image1, pair.image2]).map(place_of)
}

#[derive(Default)]
struct Block {
    images: BTreeSet<usize>,
    pairs: Vec<ImagePair>,
}

impl Block {
    fn takes(&self, tile: &[ImagePair], side: usize) -> bool {
        let new: BTreeSet<usize> = images_of(tile).filter(|image| !self.images.contains(image)).collect();
        self.images.len() + new.len() <= 2 * side
    }

    fn part(&self, photos: &[Photo]) -> Part {
        let places: Vec<usize> = self.images.iter().copied().collect();
        let place_in_block = |id| places.partition_point(|&place| place < place_of(id)) as u32;
        let pairs = self.pairs.iter().map(|pair| [place_in_block(pair.image1), place_in_block(pair.image2)]).collect();
        Part { photos: names(photos, places.iter().copied()), task: PartTask::Match { pairs } }
    }
}

fn names(photos: &[Photo], places: impl Iterator<Item = usize>) -> Vec<String> {
    places.map(|place| photos[place].info.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use scene3d_scene::{ImageId, ImageInfo};

    use super::*;
    use crate::pairing::{exhaustive, with_neighbors};

    fn photos(num: usize) -> Vec<Photo> {
        let photo = |index: usize| Photo {
            info: ImageInfo {
                image_id: ImageId(index as u32 + 1),
                name: format!("{index}"),
                image_size: [4, 4],
                focal_px: None,
                device: None,
            },
            path: PathBuf::new(),
            sha256: String::new(),
            orientation: 1,
        };
        (0..num).map(photo).collect()
    }

    fn pairs_of(part: &Part) -> Vec<[usize; 2]> {
        let PartTask::Match { pairs } = &part.task else { unreachable!("{part:?}") };
        pairs.iter().map(|pair| pair.map(|place| part.photos[place as usize].parse().unwrap())).collect()
    }

    fn check(num_photos: usize, pairs: &BTreeSet<ImagePair>, images_per_block: usize) -> Vec<Part> {
        let parts = blocks(&photos(num_photos), pairs, images_per_block);
        let mut found: Vec<_> = parts.iter().flat_map(pairs_of).collect();
        found.sort_unstable();
        let expected: Vec<_> = pairs.iter().map(|pair| [place_of(pair.image1), place_of(pair.image2)]).collect();
        assert_eq!(found, expected, "every pair once, in the order of its images");
        assert!(parts.iter().all(|part| part.photos.len() <= images_per_block.max(2)));
        parts
    }

    #[test]
    fn blocks_have_every_pair_once_and_few_images() {
        // tiles above the diagonal, which take the small ones on it along
        assert_eq!(check(100, &exhaustive(100), 20).len(), 10 * 9 / 2);
        check(7, &exhaustive(7), 1);
        check(3, &exhaustive(3), 1000);
        assert!(check(3, &BTreeSet::new(), 8).is_empty());
    }

    #[test]
    fn sparse_tiles_share_blocks() {
        let neighbors: Vec<Vec<usize>> = (0..200).map(|index| vec![(index + 1) % 200, (index + 97) % 200]).collect();
        let num_blocks = check(200, &with_neighbors(&neighbors), 40).len();
        assert!(num_blocks < 40, "{num_blocks} blocks for 400 pairs");
    }

    #[test]
    fn shards_hold_the_photos_in_order() {
        let parts = shards(&photos(10), &[0, 2, 4, 6, 9], 2, &PartTask::Extract);
        let names: Vec<_> = parts.iter().map(|part| part.photos.join(" ")).collect();
        assert_eq!(names, ["0 2", "4 6", "9"]);
    }
}
