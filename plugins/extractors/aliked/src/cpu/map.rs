//! Channels-last maps with a margin of one pixel left and right, and windows of three rows over them.

/// `[height, 1 + width + 1, channels] f32`; the margin stays zero, as convolutions pad.
#[derive(Debug, Default)]
pub struct Map {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    values: Vec<f32>,
    zeros: Vec<f32>,
}

impl Map {
    /// Makes room for these sides; pixels keep stale values, which the caller overwrites.
    pub fn reset(&mut self, height: usize, width: usize, channels: usize) {
        if (self.height, self.width, self.channels) != (height, width, channels) {
            (self.height, self.width, self.channels) = (height, width, channels);
            self.values.clear();
            self.values.resize(height * self.row_len(), 0.0);
            self.zeros.clear();
            self.zeros.resize(self.row_len(), 0.0);
        }
    }

    /// Elements of a row with its margin.
    #[inline(always)]
    pub fn row_len(&self) -> usize {
        (self.width + 2) * self.channels
    }

    /// A row with its margin.
    #[inline(always)]
    pub fn row(&self, y: usize) -> &[f32] {
        &self.values[y * self.row_len()..][..self.row_len()]
    }

    /// A row without its margin.
    #[inline(always)]
    pub fn inner(&self, y: usize) -> &[f32] {
        &self.values[y * self.row_len() + self.channels..][..self.width * self.channels]
    }

    /// A row without its margin, to be written.
    #[inline(always)]
    pub fn inner_mut(&mut self, y: usize) -> &mut [f32] {
        let first = y * self.row_len() + self.channels;
        &mut self.values[first..][..self.width * self.channels]
    }

    /// Channels of a pixel.
    #[inline(always)]
    pub fn pixel(&self, y: usize, x: usize) -> &[f32] {
        &self.values[y * self.row_len() + (x + 1) * self.channels..][..self.channels]
    }

    /// Channels of a pixel, or zeros outside.
    #[inline(always)]
    pub fn pixel_or_zeros(&self, y: isize, x: isize) -> &[f32] {
        let is_inside = (0..self.height as isize).contains(&y) && (0..self.width as isize).contains(&x);
        if is_inside { self.pixel(y as usize, x as usize) } else { &self.zeros[..self.channels] }
    }

    /// Rows above, at and below, with margins; zeros outside.
    pub fn window(&self, y: usize) -> [&[f32]; 3] {
        let above = if y == 0 { &self.zeros } else { self.row(y - 1) };
        let below = if y + 1 == self.height { &self.zeros } else { self.row(y + 1) };
        [above, self.row(y), below]
    }
}

/// Makes rows one by one and shows each with its neighbours, so that no whole map of them is ever stored.
///
/// `make(y, row)` fills a row whose margin it leaves alone; `show(y, [above, at, below])` comes one row later.
pub fn slide(
    height: usize,
    row_len: usize,
    mut make: impl FnMut(usize, &mut [f32]),
    mut show: impl FnMut(usize, [&[f32]; 3]),
) {
    let zeros = vec![0.0; row_len];
    let mut ring = [zeros.clone(), zeros.clone(), zeros.clone()];
    for next in 0..=height {
        if next < height {
            make(next, &mut ring[next % 3]);
        }
        if let Some(y) = next.checked_sub(1) {
            let above = y.checked_sub(1).map_or(&zeros, |above| &ring[above % 3]);
            let below = if next == height { &zeros } else { &ring[next % 3] };
            show(y, [above, &ring[y % 3], below]);
        }
    }
}

/// Means of `factor x factor` pixels.
#[inline(always)] // into the caller's vector instructions
pub fn average_pool(input: &Map, factor: usize, out: &mut Map) {
    out.reset(input.height / factor, input.width / factor, input.channels);
    let scale = 1.0 / (factor * factor) as f32;
    let channels = input.channels;
    for y in 0..out.height {
        let pooled = out.inner_mut(y);
        pooled.fill(0.0);
        for row in (y * factor..(y + 1) * factor).map(|y| input.inner(y)) {
            for (pooled, pixels) in pooled.chunks_exact_mut(channels).zip(row.chunks_exact(factor * channels)) {
                for pixel in pixels.chunks_exact(channels) {
                    for (sum, value) in pooled.iter_mut().zip(pixel) {
                        *sum += value;
                    }
                }
            }
        }
        for sum in pooled {
            *sum *= scale;
        }
    }
}
