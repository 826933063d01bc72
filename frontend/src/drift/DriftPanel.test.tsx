/** A verdict as people read it. */

import { render, screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import type { DriftVerdict, FeatureVerdict } from '../api/generated';
import { DriftPanel } from './DriftPanel';

function feature(name: FeatureVerdict['feature'], mean: number, wasserstein: number, drifted: boolean): FeatureVerdict {
  return {
    feature: name,
    num_values: 30,
    ks: 0.5,
    p: 1e-5,
    p_adjusted: 1e-4,
    psi: 1,
    wasserstein,
    drifted,
    baseline_mean: 107.3,
    mean,
    histogram: { edges: [0, 50, 100, 150], baseline: [0, 0.4, 0.6], images: [0.7, 0.3, 0] },
  };
}

function verdict(status: DriftVerdict['status'], features: FeatureVerdict[]): DriftVerdict {
  return { status, num_images: 30, thresholds: { max_p_adjusted: 0.05, min_wasserstein: 0.2 }, features };
}

test('what moved is told with how much, the greatest first, each with its histograms', () => {
  const features = [
    feature('brightness', 72.4, 1.01, true),
    feature('contrast', 107, 0.02, false),
    feature('noise', 140, 2.5, true),
  ];
  render(<DriftPanel verdict={verdict('drift', features)} />);
  const titles = screen.getAllByRole('heading').map((heading) => heading.textContent);
  expect(titles).toEqual(['Noise is higher', 'Brightness is lower']);
  expect(screen.getByText(/mean 72.4, usually 107 of 255; 1.01 standard deviations apart/)).toBeVisible();
  expect(screen.getByText(/higher sensitivity/)).toBeVisible();
  const shown = screen.getByRole('img', { name: /Brightness: mean 72.4/ });
  // three bins of each, and the line between them
  expect(shown.querySelectorAll('rect')).toHaveLength(7);
});

test('nothing to tell is told as such', () => {
  const { rerender } = render(<DriftPanel verdict={verdict('ok', [])} />);
  expect(screen.getByText('The photos look as they usually do.')).toBeVisible();
  rerender(<DriftPanel verdict={verdict('insufficient_data', [])} />);
  expect(screen.getByText(/too few to say/)).toBeVisible();
});
