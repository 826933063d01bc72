//! Remembers nearest neighbours: walkers meet, and the walks of the other direction tread the same pixels.

use super::{NONE, Search, View};
use crate::Result;

/// A search that never looks for a pixel twice.
#[derive(Debug)]
pub struct Cached<S> {
    search: S,
    known: [Vec<u32>; 2],
}

impl<S: Search> Cached<S> {
    /// Nothing known yet.
    #[must_use]
    pub fn new(search: S) -> Self {
        let empty = |view| {
            let [width, height] = search.size(view);
            vec![NONE; (width * height) as usize]
        };
        let known = [empty(View::First), empty(View::Second)];
        Self { search, known }
    }
}

impl<S: Search> Search for Cached<S> {
    fn size(&self, view: View) -> [u32; 2] {
        self.search.size(view)
    }

    fn nearest(&mut self, from: View, pixels: &[u32]) -> Result<Vec<u32>> {
        let known = &mut self.known[from.index()];
        let mut unknown: Vec<u32> = pixels.iter().copied().filter(|pixel| known[*pixel as usize] == NONE).collect();
        unknown.sort_unstable();
        unknown.dedup();
        for (pixel, found) in unknown.iter().zip(self.search.nearest(from, &unknown)?) {
            known[*pixel as usize] = found;
        }
        Ok(pixels.iter().map(|pixel| known[*pixel as usize]).collect())
    }
}
