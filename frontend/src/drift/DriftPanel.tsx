/** How the photos of a job compare with what is usual: which features moved, by how much, with their histograms. */

import type { DriftVerdict, FeatureVerdict } from '../api/generated';
import { counted, figure } from '../ui/format';
import { TwoHistograms } from './TwoHistograms';
import { FEATURE_WORDS } from './words';

export function DriftPanel({ verdict }: { verdict: DriftVerdict }) {
  const moved = [...verdict.features]
    .filter((feature) => feature.drifted)
    .sort((a, b) => b.wasserstein - a.wasserstein);
  if (verdict.status === 'insufficient_data') {
    return (
      <p className="text-muted">
        {counted(verdict.num_images, 'photo')}: too few to say whether they look as usual. That takes ten.
      </p>
    );
  }
  if (moved.length === 0) return <p className="text-muted">The photos look as they usually do.</p>;
  return (
    <div className="flex flex-col gap-4">
      <p className="flex flex-wrap gap-x-5 gap-y-1 text-sm text-muted">
        <Key className="bg-accent" name={`these ${counted(verdict.num_images, 'photo')}`} />
        <Key className="bg-line-strong" name="usual photos" />
      </p>
      <ul className="grid gap-x-8 gap-y-6 sm:grid-cols-2">
        {moved.map((feature) => (
          <li key={feature.feature} className="flex min-w-0 flex-col gap-2">
            <Moved feature={feature} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function Key({ className, name }: { className: string; name: string }) {
  return (
    <span className="flex items-center gap-1.5">
      <span aria-hidden="true" className={`size-2.5 rounded-sm ${className}`} />
      {name}
    </span>
  );
}

function Moved({ feature }: { feature: FeatureVerdict }) {
  const { name, unit, higher, lower } = FEATURE_WORDS[feature.feature];
  const isUp = feature.mean > feature.baseline_mean;
  const means = `mean ${figure(feature.mean)}, usually ${figure(feature.baseline_mean)}${unit ? ` ${unit}` : ''}`;
  return (
    <>
      <div>
        <h3 className="text-base">
          {name} {isUp ? 'is higher' : 'is lower'}
        </h3>
        <p className="text-sm text-muted">
          {means}; {figure(feature.wasserstein)} standard deviations apart
        </p>
      </div>
      <TwoHistograms histogram={feature.histogram} unit={unit} label={`${name}: ${means}`} />
      <p className="text-sm text-muted">It may be {isUp ? higher : lower}.</p>
    </>
  );
}
