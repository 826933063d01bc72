/** What is drawn and fetched, for a tree made by hand. */

import { describe, expect, it } from 'vitest';
import type { OctreeNode } from './octree';
import { type Eye, isVisible, selectNodes } from './selection';

let last = 0;

/** A cube with eight children down to a level; each node has 100 points. */
function tree(min: [number, number, number], size: number, level: number, depth: number): OctreeNode {
  const half = size / 2;
  const children = [0, 1, 2, 3, 4, 5, 6, 7].map((octant) => {
    const at = (axis: 0 | 1 | 2) => min[axis] + ((octant >> axis) & 1) * half;
    return [at(0), at(1), at(2)] as [number, number, number];
  });
  last += 1;
  return {
    index: last,
    level,
    min,
    size,
    spacing: size / 64,
    numPoints: 100,
    children: level < depth ? children.map((child) => tree(child, half, level + 1, depth)) : [],
  };
}

const root = tree([-1, -1, -1], 2, 0, 3);
const everything: Eye = { position: [0, 0, 6], planes: [[0, 0, 1, 100]], pxPerUnit: 800 };
const limits = { maxPoints: 1e9, minSpacingPx: 0 };
const all = () => true;

describe('selectNodes', () => {
  it('takes every visible node where nothing limits it', () => {
    const { draw, want, numPoints, isCut } = selectNodes(root, everything, limits, all);
    expect([draw.length, want.length, numPoints, isCut]).toEqual([585, 0, 58500, false]);
  });

  it('keeps within the budget, and draws parents before children', () => {
    const { draw, numPoints, isCut } = selectNodes(root, everything, { ...limits, maxPoints: 2050 }, all);
    expect([draw.length, numPoints, isCut]).toEqual([20, 2000, true]);
    const drawn = new Set(draw);
    const parents = [root, ...root.children];
    for (const node of draw.slice(1)) {
      const parent = parents.find(({ children }) => children.includes(node));
      expect(parent && drawn.has(parent)).toBe(true);
    }
  });

  it('refines what is near before what is far', () => {
    const beside: Eye = { ...everything, position: [1.4, 1.4, 1.4] };
    const { draw } = selectNodes(root, beside, { ...limits, maxPoints: 1200 }, all);
    const fine = draw.filter(({ level }) => level === 2);
    expect(fine.length).toBeGreaterThan(0);
    expect(fine.every(({ min }) => min.every((x) => x >= 0))).toBe(true);
  });

  it('stops where points would lie closer than is seen', () => {
    const spacingPx = (2 / 64) * (800 / 5);
    const { draw } = selectNodes(root, everything, { ...limits, minSpacingPx: spacingPx + 0.1 }, all);
    expect(draw).toEqual([root]);
  });

  it('wants what is not there, the largest first, and draws the rest', () => {
    const isLoaded = (node: OctreeNode) => node.level !== 1;
    const { draw, want } = selectNodes(root, everything, { ...limits, maxPoints: 3000 }, isLoaded);
    expect(want).toHaveLength(8);
    expect(draw).toHaveLength(22);
  });

  it('looks into nodes without points however small they are', () => {
    const child = { ...root, numPoints: 100, children: [] };
    const empty = { ...root, numPoints: 0, spacing: 0, children: [child] };
    const { draw, want } = selectNodes(empty, everything, { maxPoints: 1000, minSpacingPx: 1e6 }, all);
    expect([draw, want]).toEqual([[child], []]);
  });

  it('draws one node that is larger than the budget, rather than nothing', () => {
    expect(selectNodes(root, everything, { ...limits, maxPoints: 10 }, all).draw).toEqual([root]);
  });

  it('leaves out what lies behind a plane', () => {
    const left: Eye = { ...everything, planes: [[-1, 0, 0, -0.1]] };
    const { draw } = selectNodes(root, left, limits, all);
    expect(draw.every(({ min }) => min[0] < -0.1)).toBe(true);
    expect(draw.length).toBeLessThan(400);
    expect(isVisible(root, { ...everything, planes: [[0, 0, 1, -1.5]] })).toBe(false);
  });
});
