//! Reciprocal nearest neighbours (MASt3R section 3.3): nearest pixels, and walks that stay on the device.

use scene3d_torch::{Result, TorchError};
use tch::{Kind, Tensor};

use crate::launch::Argument;
use crate::table::{NEAREST, WALK};
use crate::{Kernels, blocks};

/// Queries of a block.
const QUERIES: u32 = 64;
/// Pixels of a tile.
const PIXELS: u32 = 256;
/// Tiles of a block: few enough that a small pair fills a device, enough that bests are rarely joined.
const TILES: u32 = 8;
/// Most channels of a descriptor.
const MAX_DIM: i64 = 32;

/// Descriptors of both views, `[P, D] f32` each, D at most 32.
#[derive(Debug, Clone, Copy)]
pub struct DenseMap<'a>(pub [&'a Tensor; 2]);

/// Where walkers ended.
#[derive(Debug)]
pub struct Walk {
    /// `[N, 3] i32`: pixels of both views, and 1 for one that still moves, else 0
    pub state: Tensor,
}

impl DenseMap<'_> {
    fn dim(&self) -> Result<i64> {
        let [(num1, dim1), (num2, dim2)] = [self.0[0].size2()?, self.0[1].size2()?];
        let is_f32 = self.0.iter().all(|map| map.kind() == Kind::Float);
        if dim1 == dim2 && (1..=MAX_DIM).contains(&dim1) && num1.min(num2) > 0 && is_f32 {
            return Ok(dim1);
        }
        Err(TorchError::Unsupported(format!(
            "no kernel for maps {:?} and {:?}, f32: {is_f32}",
            self.0[0].size(),
            self.0[1].size()
        )))
    }

    /// Whether the kernels can search these.
    #[must_use]
    pub fn is_supported(&self) -> bool {
        self.dim().is_ok()
    }
}

/// Walkers on the device: `[N, 3] i32`, pixels of both views and whether it moves; and the keys of what they find.
struct Walkers {
    state: Tensor,
    best: Tensor,
}

/// Walkers that take a step, and how many of the list they are.
struct List {
    numbers: Tensor,
    count: Tensor,
}

impl Kernels {
    /// For each of `pixels [N] i32` of view `from` (0 or 1) the pixel of the other with the largest dot product, the lowest
    /// of equals, `[N] i32`.
    ///
    /// # Errors
    /// [`TorchError`] for maps that are not supported.
    pub fn nearest(&self, maps: DenseMap<'_>, from: usize, pixels: &Tensor) -> Result<Tensor> {
        let counts = self.zeros(&[2], Kind::Int);
        let (walkers, list) = self.walkers(from, pixels, &counts)?;
        self.step(maps, from, &walkers, &list, &self.list(pixels.size1()?, &counts, 1)?)?;
        Ok(walkers.state.select(1, 1 - from as i64).contiguous())
    }

    /// Walks to and fro between nearest neighbours from `seeds [N] i32` of view `from`, for at most `rounds`.
    ///
    /// # Errors
    /// As [`Self::nearest`].
    pub fn walk(&self, maps: DenseMap<'_>, from: usize, seeds: &Tensor, rounds: usize) -> Result<Walk> {
        let counts = self.zeros(&[2 * rounds as i64 + 1], Kind::Int);
        let (walkers, mut list) = self.walkers(from, seeds, &counts)?;
        for step in 0..2 * rounds {
            let next = self.list(seeds.size1()?, &counts, step as i64 + 1)?;
            self.step(maps, (from + step) % 2, &walkers, &list, &next)?;
            list = next;
        }
        Ok(Walk { state: walkers.state })
    }

    /// Walkers at their seeds, all of them in the first list.
    fn walkers(&self, from: usize, pixels: &Tensor, counts: &Tensor) -> Result<(Walkers, List)> {
        let num_walkers = pixels.size1()?;
        let state = Tensor::full([num_walkers, 3], -1, (Kind::Int, self.device()));
        state.select(1, from as i64).f_copy_(pixels)?;
        let _ = counts.f_get(0)?.f_fill_(num_walkers)?;
        let numbers = Tensor::arange(num_walkers, (Kind::Int, self.device()));
        let list = List { numbers, ..self.list(0, counts, 0)? };
        Ok((Walkers { state, best: self.zeros(&[num_walkers], Kind::Int64) }, list))
    }

    /// Room for a list whose length is a number of `counts`, which begins at 0.
    fn list(&self, capacity: i64, counts: &Tensor, number: i64) -> Result<List> {
        Ok(List { numbers: self.empty(&[capacity], Kind::Int), count: counts.f_narrow(0, number, 1)? })
    }

    /// Moves the walkers of a list from their place in view `from` to the nearest in the other; who moved is in `next`.
    fn step(&self, maps: DenseMap<'_>, from: usize, walkers: &Walkers, list: &List, next: &List) -> Result<()> {
        let dim = maps.dim()?;
        let (queries, others) = (maps.0[from], maps.0[1 - from]);
        let num_others = others.size2()?.0;
        let num_walkers = list.numbers.size1()?;
        self.launch(
            &NEAREST,
            [blocks(num_walkers, QUERIES), blocks(num_others, PIXELS * TILES), 1],
            &[
                Argument::Tensor(queries),
                Argument::Tensor(others),
                Argument::Tensor(&walkers.state),
                Argument::Tensor(&list.numbers),
                Argument::Tensor(&list.count),
                Argument::Tensor(&walkers.best),
                Argument::Int(from as i64),
                Argument::Int(num_others),
                Argument::Int(dim),
                Argument::Int(i64::from(TILES)),
            ],
        )?;
        self.launch(
            &WALK,
            [blocks(num_walkers, WALK.threads), 1, 1],
            &[
                Argument::Tensor(&walkers.state),
                Argument::Tensor(&list.numbers),
                Argument::Tensor(&list.count),
                Argument::Tensor(&walkers.best),
                Argument::Tensor(&next.numbers),
                Argument::Tensor(&next.count),
                Argument::Int(from as i64),
            ],
        )
    }
}
