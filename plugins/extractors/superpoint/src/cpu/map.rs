//! Activations in channels-last order inside a border of zeros, so that convolutions need no case for the edge.

use super::winograd::TILE;

/// `[4 ceil(height / 4) + 2, 4 ceil(width / 4) + 2, channels] f32`; the map itself begins at row 1, column 1.
#[derive(Debug)]
pub struct Map {
    values: Vec<f32>,
    /// Rows of the map itself.
    pub height: usize,
    /// Columns of the map itself.
    pub width: usize,
    /// Values of a pixel.
    pub channels: usize,
}

impl Map {
    /// A map of zeros.
    pub fn zeros(height: usize, width: usize, channels: usize) -> Self {
        let values = vec![0.0; (padded(height)) * padded(width) * channels];
        Self { values, height, width, channels }
    }

    /// Values of a row with its border.
    pub fn stride(&self) -> usize {
        padded(self.width) * self.channels
    }

    /// The rows, with border, that the tiles of a tile row see.
    pub fn tile_row(&self, number: usize) -> &[f32] {
        &self.values[number * TILE * self.stride()..][..(TILE + 2) * self.stride()]
    }

    /// Groups of `num_rows` rows from the first of the map itself, with border columns; the last may be shorter.
    pub fn row_groups_mut(&mut self, num_rows: usize) -> impl Iterator<Item = &mut [f32]> {
        let stride = self.stride();
        self.values[stride..(self.height + 1) * stride].chunks_mut(num_rows * stride)
    }

    /// `[width, channels]` of a row, without border.
    pub fn row(&self, y: usize) -> &[f32] {
        &self.values[(y + 1) * self.stride() + self.channels..][..self.width * self.channels]
    }
}

/// Side with border, rounded up to whole tiles.
pub fn padded(side: usize) -> usize {
    side.div_ceil(TILE) * TILE + 2
}
