//! The octree: every node holds a well-spread sample of what its parents left of its cube, so that a viewer that draws a
//! node and all above it has drawn an even sample of the cube (as C. Scheiblauer, M. Wimmer, "Out-of-Core Selection and
//! Editing of Huge Point Clouds", 2011; M. Schütz, "Potree", 2016, from which the grid comes).

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::Range;

use nalgebra::Vector3;
use scene3d_scene::{Point3d, Point3dId, Reconstruction};

use super::scene_core::Core;

/// Cells along an edge of a node, of which each gives at most one point.
pub(super) const GRID: u32 = 64;
/// What a node takes whole.
const MAX_LEAF_POINTS: usize = 8192;
/// Splits enough for an outlier a million times as far as the scene is large; below it nothing is told apart any more.
const MAX_DEPTH: usize = 48;
/// Steps of a coordinate within a node.
pub(super) const STEPS: f64 = 65_535.0;
/// A node only holds points for which its step is at most this share of the scene's extent (or, outside of it, of the
/// distance), so that outliers, which make the outer cubes huge, cost the scene no precision.
const MAX_STEP_SHARE: f64 = 1.0 / 16_384.0;

/// A point and its id.
pub(super) type Entry<'a> = (Point3dId, &'a Point3d);

/// A cube of the tree and its own points.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    /// One digit a level, 0 to 7: bit 0 says the upper half of x, bit 1 of y, bit 2 of z. The root's is empty.
    pub(super) path: String,
    /// Lowest corner, world frame.
    pub(super) min: [f64; 3],
    /// Edge, world units.
    pub(super) size: f64,
    /// In the octree's entries.
    range: Range<usize>,
}

impl Node {
    /// World units between two values of a coordinate.
    pub(super) fn step(&self) -> f64 {
        self.size / STEPS
    }

    /// Number of points of its own.
    pub(super) fn len(&self) -> usize {
        self.range.len()
    }

    /// The cell of a grid with so many cells along an edge.
    fn cell(&self, x_in_world: &Vector3<f64>, cells: u32) -> [u32; 3] {
        let at = |axis: usize| ((x_in_world[axis] - self.min[axis]) / self.size * f64::from(cells)) as u32;
        [0, 1, 2].map(|axis| at(axis).min(cells - 1))
    }

    fn octant(&self, x_in_world: &Vector3<f64>) -> u32 {
        let [x, y, z] = self.cell(x_in_world, 2);
        x | y << 1 | z << 2
    }

    fn child(&self, octant: u32, range: Range<usize>) -> Self {
        let size = self.size / 2.0;
        let min = std::array::from_fn(|axis| self.min[axis] + size * f64::from(octant >> axis & 1));
        Self { path: format!("{}{octant}", self.path), min, size, range }
    }
}

/// All points, ordered by node.
#[derive(Debug)]
pub(super) struct Octree<'a> {
    /// By level, then by path: what is seen first comes first.
    pub(super) nodes: Vec<Node>,
    /// Where the scene proper lies.
    pub(super) core: Core,
    entries: Vec<Entry<'a>>,
}

impl<'a> Octree<'a> {
    /// Of all points of a model, whose coordinates are finite.
    pub(super) fn of(model: &'a Reconstruction) -> Self {
        let mut entries: Vec<Entry<'a>> = model.points3d.iter().map(|(id, point)| (*id, point)).collect();
        let core = Core::of(model);
        let mut nodes = Vec::new();
        let root = root(&entries, &core);
        split(root, &mut entries, &core, &mut nodes);
        nodes.sort_by(|a, b| (a.path.len(), &a.path).cmp(&(b.path.len(), &b.path)));
        Self { nodes, core, entries }
    }

    /// The points of a node, by id.
    pub(super) fn points_of(&self, node: &Node) -> &[Entry<'a>] {
        &self.entries[node.range.clone()]
    }
}

/// The cube around all points.
fn root(entries: &[Entry<'_>], core: &Core) -> Node {
    let first = entries.first().map_or(Vector3::from(core.center), |(_, point)| point.x_in_world);
    let low = entries.iter().fold(first, |low, (_, point)| low.inf(&point.x_in_world));
    let high = entries.iter().fold(first, |high, (_, point)| high.sup(&point.x_in_world));
    let extent = (high - low).amax();
    // a little larger, so that rounding leaves no point outside
    let size = if extent > 0.0 { extent * (1.0 + 1e-9) } else { core.extent };
    let min = (low + high) / 2.0 - Vector3::repeat(size / 2.0);
    Node { path: String::new(), min: min.into(), size, range: 0..entries.len() }
}

/// Gives a node its points and the rest to its children; `node.range` is where `entries` lies in the octree's.
fn split(mut node: Node, entries: &mut [Entry<'_>], core: &Core, nodes: &mut Vec<Node>) {
    let start = node.range.start;
    let own = choose(&node, entries, core);
    for (place, index) in own.iter().enumerate() {
        entries.swap(place, *index);
    }
    let (own, mut rest) = entries.split_at_mut(own.len());
    own.sort_unstable_by_key(|(id, _)| *id);
    node.range = start..start + own.len();
    let mut child_start = node.range.end;
    rest.sort_unstable_by_key(|(_, point)| node.octant(&point.x_in_world));
    while let Some((_, first)) = rest.first() {
        let octant = node.octant(&first.x_in_world);
        let num_points = rest.partition_point(|(_, point)| node.octant(&point.x_in_world) == octant);
        let (of_child, others) = rest.split_at_mut(num_points);
        split(node.child(octant, child_start..child_start + num_points), of_child, core, nodes);
        (rest, child_start) = (others, child_start + num_points);
    }
    nodes.push(node);
}

/// Indices, ascending, of the points that a node takes: all if they are few, else the best of each cell of its grid.
fn choose(node: &Node, entries: &[Entry<'_>], core: &Core) -> Vec<usize> {
    let can_hold = |point: &Point3d| {
        let scale = core.distance(&point.x_in_world).max(core.extent);
        node.step() <= scale * MAX_STEP_SHARE
    };
    let is_last = node.path.len() >= MAX_DEPTH;
    if is_last || (entries.len() <= MAX_LEAF_POINTS && entries.iter().all(|(_, point)| can_hold(point))) {
        return (0..entries.len()).collect();
    }
    let mut best_of_cell: HashMap<[u32; 3], usize> = HashMap::new();
    for (index, entry) in entries.iter().enumerate().filter(|(_, (_, point))| can_hold(point)) {
        let best = best_of_cell.entry(node.cell(&entry.1.x_in_world, GRID)).or_insert(index);
        if rank(entry) < rank(&entries[*best]) {
            *best = index;
        }
    }
    let mut chosen: Vec<usize> = best_of_cell.into_values().collect();
    chosen.sort_unstable();
    chosen
}

/// The lowest is the best: longest track, lowest error, lowest id.
fn rank((id, point): &Entry<'_>) -> (Reverse<usize>, u16, Point3dId) {
    (Reverse(point.track.len()), super::node::quantised_error(point.error_px), *id)
}
