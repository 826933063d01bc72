/** Images as nodes where their cameras stand, verified pairs as lines, thicker the more matches hold. */

import { useMemo, useState } from 'react';
import type { Report, ReportImage, ReportPair } from '../report/report';
import { count, counted } from '../ui/format';
import { neighboursOf } from './pairs';
import { planOf } from './plan';

/** Lines beyond the strongest so many only blacken the picture. */
const MAX_LINES = 1500;

const WIDTH = 900;
const MARGIN = 14;

interface MatchGraphProps {
  report: Pick<Report, 'images'>;
  /** Strongest first. */
  verified: readonly ReportPair[];
}

export function MatchGraph({ report: { images }, verified }: MatchGraphProps) {
  const [pointed, setPointed] = useState<ReportImage>();
  const { places, height } = useMemo(() => planOf(images), [images]);
  const at = (id: number) => {
    const { x, y } = places.get(id) ?? { x: 0, y: 0 };
    return { x: MARGIN + x * (WIDTH - 2 * MARGIN), y: MARGIN + y * (WIDTH - 2 * MARGIN) };
  };
  const lines = verified.slice(0, MAX_LINES);
  const most = verified[0]?.num_inliers ?? 1;
  const radius = Math.max(3, Math.min(8, 90 / Math.sqrt(images.length)));
  const touches = ({ image1, image2 }: ReportPair) => pointed && [image1, image2].includes(pointed.image_id);
  return (
    <div className="flex flex-col gap-2">
      <p aria-hidden="true" className="min-h-5 text-sm text-muted">
        {pointed ? inWords(pointed, images, verified) : 'Point at a photo to see its neighbours.'}
      </p>
      <svg
        viewBox={`0 0 ${WIDTH} ${2 * MARGIN + height * (WIDTH - 2 * MARGIN)}`}
        role="img"
        aria-label={`Match graph: ${counted(images.length, 'photo')}, ${counted(verified.length, 'verified pair')}`}
        className="w-full"
        onPointerLeave={() => setPointed(undefined)}
      >
        {[...lines].reverse().map((pair) => {
          const [a, b] = [at(pair.image1), at(pair.image2)];
          const strength = Math.sqrt(pair.num_inliers / most);
          return (
            <line
              key={`${pair.image1} ${pair.image2}`}
              x1={a.x}
              y1={a.y}
              x2={b.x}
              y2={b.y}
              className={touches(pair) ? 'stroke-ink' : 'stroke-accent'}
              strokeWidth={0.5 + 4 * strength ** 2}
              strokeOpacity={pointed ? (touches(pair) ? 0.9 : 0.08) : 0.1 + 0.5 * strength}
            />
          );
        })}
        {images.map((image) => (
          <circle
            key={image.image_id || image.name}
            cx={at(image.image_id).x}
            cy={at(image.image_id).y}
            r={image === pointed ? radius + 2 : radius}
            className={`stroke-surface ${image.registered ? 'fill-accent-strong' : 'fill-warn'}`}
            strokeWidth={1.5}
            onPointerEnter={() => setPointed(image)}
          />
        ))}
      </svg>
      <p className="flex flex-wrap justify-center gap-x-5 gap-y-1 text-sm text-muted">
        <Key className="bg-accent-strong" name="registered: where its camera stands" />
        {images.some((image) => !image.registered) ? <Key className="bg-warn" name="not registered" /> : null}
        {verified.length > MAX_LINES ? <span>the strongest {count(MAX_LINES)} pairs</span> : null}
      </p>
    </div>
  );
}

function inWords(image: ReportImage, images: readonly ReportImage[], verified: readonly ReportPair[]): string {
  const { count: number, strongest } = neighboursOf(verified, image.image_id);
  const name = images.find(({ image_id }) => image_id === strongest?.image)?.name;
  const best = strongest ? `, the strongest with ${name} (${count(strongest.inliers)} matches)` : '';
  return `${image.name}: ${counted(number, 'verified pair')}${best}`;
}

function Key({ className, name }: { className: string; name: string }) {
  return (
    <span className="flex items-center gap-1.5">
      <span aria-hidden="true" className={`size-2.5 rounded-full ${className}`} />
      {name}
    </span>
  );
}
