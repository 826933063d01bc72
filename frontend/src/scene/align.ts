/**
 * Lays one reconstruction over another of the same photos: the similarity between their worlds by the projection centres
 * of the images that both have (S. Umeyama, "Least-Squares Estimation of Transformation Parameters Between Two Point
 * Patterns", 1991, with the rotation as B. Horn's unit quaternion, 1987), without those that one of them placed wrongly.
 */

import { largestEigenvector } from './eigen';
import { apply, type Similarity } from './frames';
import { conjugate, cross, dot, mean, multiply, norm, type Quat, rotate, scaled, sub, unit, type Vec3 } from './vec';

/** A camera as both files tell it. */
export interface Pose {
  name: string;
  rotation: Quat;
  center: Vec3;
}

export interface Alignment {
  a_from_b: Similarity;
  /** Images that both have. */
  numShared: number;
  /** Those that agree. */
  numInliers: number;
  /** Root mean square over those that agree, in units of `a`. */
  rmsUnits: number;
}

interface Pair {
  a: Pose;
  b: Pose;
}

/** Residuals above so many times the median of all are wrong, */
const OUTLIER_FACTOR = 4;
/** if they are more than this share of how far the cameras spread: nobody sees less, and runs differ by as much. */
const MIN_OFF_SHARE = 0.01;
const MAX_SAMPLES = 200;
const MAX_REFITS = 10;
/** Centres that spread less in their second direction lie on a line, about which they tell no rotation. */
const MIN_SPREAD = 0.02;

/** `null` with fewer than two shared images, or if the centres of either are all in one place. */
export function align(a: readonly Pose[], b: readonly Pose[]): Alignment | null {
  const byName = new Map(b.map((pose) => [pose.name, pose]));
  const pairs = a.flatMap((pose): Pair[] => {
    const other = byName.get(pose.name);
    return other ? [{ a: pose, b: other }] : [];
  });
  let inliers = mostLikely(pairs);
  let a_from_b = similarityOf(inliers);
  for (let i = 0; i < MAX_REFITS && a_from_b; i++) {
    const agreeing = agreeingWith(a_from_b, pairs, inliers);
    if (agreeing.length === inliers.length && agreeing.every((pair, k) => pair === inliers[k])) break;
    inliers = agreeing;
    a_from_b = similarityOf(inliers);
  }
  if (!a_from_b) return null;
  const sum = inliers.reduce((total, pair) => total + residual(a_from_b, pair) ** 2, 0);
  return {
    a_from_b,
    numShared: pairs.length,
    numInliers: inliers.length,
    rmsUnits: Math.sqrt(sum / Math.max(1, inliers.length)),
  };
}

/** The half with the least residuals of the best of many fits to three pairs (least median of squares, P. Rousseeuw 1984). */
function mostLikely(pairs: Pair[]): Pair[] {
  if (pairs.length <= 3) return pairs;
  let best = pairs;
  let bestMedian = Number.POSITIVE_INFINITY;
  for (const sample of samples(pairs)) {
    const a_from_b = similarityOf(sample);
    if (!a_from_b) continue;
    const ranked = pairs.map((pair) => ({ pair, off: residual(a_from_b, pair) })).sort((p, q) => p.off - q.off);
    const half = Math.ceil((pairs.length + 1) / 2);
    const median = ranked[half - 1]?.off ?? 0;
    if (median >= bestMedian) continue;
    bestMedian = median;
    best = ranked.slice(0, Math.max(3, half)).map(({ pair }) => pair);
  }
  return best;
}

/** Always the same ones, so that a link shows what was seen. */
function* samples(pairs: readonly Pair[]): Generator<Pair[]> {
  let state = 1;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * pairs.length);
  };
  for (let i = 0; i < MAX_SAMPLES; i++) {
    const places = new Set([next(), next(), next()]);
    if (places.size === 3) yield [...places].flatMap((place) => pairs[place] ?? []);
  }
}

function agreeingWith(a_from_b: Similarity, pairs: readonly Pair[], known: readonly Pair[]): Pair[] {
  const offs = pairs.map((pair) => residual(a_from_b, pair));
  // of all, not of those that agreed: these are the best by choice, and would keep out all but themselves
  const limit = Math.max(OUTLIER_FACTOR * median(offs), MIN_OFF_SHARE * spreadOf(pairs, known));
  const agreeing = pairs.filter((_, i) => (offs[i] ?? 0) <= limit);
  return agreeing.length >= 2 ? agreeing : [...pairs];
}

/** How far half of the cameras of `a` stand from the middle of those that are known to be right. */
function spreadOf(pairs: readonly Pair[], known: readonly Pair[]): number {
  const middle = mean(known.map(({ a }) => a.center));
  return median(pairs.map(({ a }) => norm(sub(a.center, middle))));
}

function median(values: readonly number[]): number {
  return values.toSorted((p, q) => p - q)[Math.floor((values.length - 1) / 2)] ?? 0;
}

function residual(a_from_b: Similarity, { a, b }: Pair): number {
  return norm(sub(a.center, apply(a_from_b, b.center)));
}

function similarityOf(pairs: readonly Pair[]): Similarity | null {
  const [meanA, meanB] = [mean(pairs.map(({ a }) => a.center)), mean(pairs.map(({ b }) => b.center))];
  const offsets = pairs.map(({ a, b }) => ({ a: sub(a.center, meanA), b: sub(b.center, meanB) }));
  const spreadA = offsets.reduce((sum, { a }) => sum + dot(a, a), 0);
  const spreadB = offsets.reduce((sum, { b }) => sum + dot(b, b), 0);
  if (pairs.length < 2 || !(spreadA > 0) || !(spreadB > 0)) return null;
  const rotation = isLine(offsets.map(({ b }) => b)) ? rotationOfPoses(pairs) : rotationOfOffsets(offsets);
  const along = offsets.reduce((sum, { a, b }) => sum + dot(a, rotate(rotation, b)), 0);
  const scale = along / spreadB;
  if (!(scale > 0)) return null;
  return { scale, rotation, translation: sub(meanA, scaled(rotate(rotation, meanB), scale)) };
}

/** Whether all lie close to one line through their middle. */
function isLine(offsets: readonly Vec3[]): boolean {
  const longest = offsets.reduce((far, offset) => (norm(offset) > norm(far) ? offset : far), [0, 0, 0] as Vec3);
  const direction = unit(longest);
  const widest = Math.max(...offsets.map((offset) => norm(cross(offset, direction))));
  return widest < MIN_SPREAD * norm(longest);
}

/** The rotation that takes `b` to `a` best: the largest eigenvector of Horn's matrix. */
function rotationOfOffsets(offsets: readonly { a: Vec3; b: Vec3 }[]): Quat {
  const s = (i: 0 | 1 | 2, j: 0 | 1 | 2) => offsets.reduce((sum, { a, b }) => sum + b[i] * a[j], 0);
  const [xx, xy, xz] = [s(0, 0), s(0, 1), s(0, 2)];
  const [yx, yy, yz] = [s(1, 0), s(1, 1), s(1, 2)];
  const [zx, zy, zz] = [s(2, 0), s(2, 1), s(2, 2)];
  return largestEigenvector([
    [xx + yy + zz, yz - zy, zx - xz, xy - yx],
    [yz - zy, xx - yy - zz, xy + yx, zx + xz],
    [zx - xz, xy + yx, yy - xx - zz, yz + zy],
    [xy - yx, zx + xz, yz + zy, zz - xx - yy],
  ]);
}

/** The mean of what each camera's two rotations say (F. Markley et al., "Averaging Quaternions", 2007). */
function rotationOfPoses(pairs: readonly Pair[]): Quat {
  const turns = pairs.map(({ a, b }) => multiply(a.rotation, conjugate(b.rotation)));
  const sum = (i: number, j: number) => turns.reduce((total, q) => total + (q[i] ?? 0) * (q[j] ?? 0), 0);
  const rows = [0, 1, 2, 3].map((i) => [0, 1, 2, 3].map((j) => sum(i, j)));
  return largestEigenvector(rows);
}
