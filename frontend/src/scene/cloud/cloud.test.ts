/** Colours and heights of points. */

import { describe, expect, it } from 'vitest';
import { openSurface } from '../fixtures/scene';
import { apply, shownFromWorld } from '../frames';
import { squareSize } from '../stage/Floor';
import type { OctreeNode } from '../tiles/octree';
import { unpackNode } from '../tiles/payload';
import { colouringOf } from './colouring';
import { heightRange } from './heights';
import { rampBytes, rampColour } from './ramp';

describe('the ramp', () => {
  it('goes from dark to light, without a step back', () => {
    const light = Array.from({ length: 101 }, (_, i) => {
      const [r, g, b] = rampColour(i / 100);
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    });
    expect(light.every((value, i) => i === 0 || value >= (light[i - 1] ?? 0) - 0.5)).toBe(true);
    expect([rampColour(-1), rampColour(2)]).toEqual([rampColour(0), rampColour(1)]);
  });

  it('is opaque', () => {
    const bytes = rampBytes(16);
    expect(bytes).toHaveLength(64);
    expect(Array.from({ length: 16 }, (_, i) => bytes[4 * i + 3])).toEqual(Array(16).fill(255));
  });
});

describe('colours', () => {
  it('say what they stand for, with a range that can be divided by', async () => {
    const { index } = await openSurface();
    for (const colour of ['rgb', 'height', 'error', 'track'] as const) {
      const { range, legend } = colouringOf(colour, index, null, null);
      expect(range[1]).toBeGreaterThan(range[0]);
      expect(legend === null).toBe(colour === 'rgb');
    }
    const flat = { ...index, track_length: { min: 2, median: 2, p95: 2, max: 2 } };
    expect(colouringOf('track', flat, null, null).range).toEqual([2, 3]);
    expect(colouringOf('height', index, [-1, 3], 0.5).legend?.high).toBe('2.00 m up');
  });
});

describe('heights', () => {
  it('are those of nearly all points, whatever is up', async () => {
    const file = await openSurface();
    const flat = (node: OctreeNode): OctreeNode[] => [node, ...node.children.flatMap(flat)];
    const nodes = file.root ? flat(file.root) : [];
    const drawn = await Promise.all(
      nodes.map(async (node) => ({ node, points: unpackNode(await file.readPayload(node.index), node.numPoints) })),
    );
    // x and z go from -1 to 1, y from -1 to -0.8, with two outliers
    for (const [up, axis, low, high] of [
      ['+x', 0, -1, 1],
      ['-y', 1, 0.8, 1],
      ['+z', 2, -1, 1],
    ] as const) {
      const shown = shownFromWorld(file.index, up);
      const range = heightRange(drawn, shown);
      const middle = apply(shown, [0, 0, 0])[1];
      expect(Math.abs(range[0] - middle - low), `${axis}`).toBeLessThan(0.06);
      expect(Math.abs(range[1] - middle - high), `${axis}`).toBeLessThan(0.06);
    }
    expect(heightRange([], shownFromWorld(file.index, '+x'))).toEqual([0, 1]);
  });
});

describe('the grid', () => {
  it('has squares of a round length, about a tenth of the scene', () => {
    for (const [extent, metres] of [
      [10, 1],
      [3.3, 1],
      [0.04, 1],
      [7, 0.37],
      [5200, 12],
    ] as const) {
      const square = squareSize(extent, metres);
      const length = square * metres;
      const digits = length / 10 ** Math.floor(Math.log10(length) + 1e-9);
      expect([1, 2, 5, 10].some((digit) => Math.abs(digits - digit) < 1e-6)).toBe(true);
      expect(extent / square).toBeGreaterThan(4);
      expect(extent / square).toBeLessThan(16);
    }
  });
});
