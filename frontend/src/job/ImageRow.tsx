/** One photo of a job in the table. */

import { type ReportImage, verdictInWords } from '../report/report';
import { Badge } from '../ui/Badge';
import { count } from '../ui/format';
import { Cell } from '../ui/Table';
import { Thumbnail } from './Thumbnail';

/** px, where rows are drawn as they come into view. */
export const ROW_HEIGHT = 60;

interface ImageRowProps {
  jobId: string;
  image: ReportImage;
  /** From 1, the head included. */
  rowIndex: number;
  /** As tall as all others: what does not fit is cut, and told on hover. */
  isFixed: boolean;
}

export function ImageRow({ jobId, image, rowIndex, isFixed }: ImageRowProps) {
  const size = image.image_size ? image.image_size.join(' × ') : '';
  const why = [image.reason, image.next_step].filter(Boolean).join('. ');
  return (
    <tr aria-rowindex={rowIndex} style={isFixed ? { height: ROW_HEIGHT } : undefined}>
      <Cell>
        <span className="flex items-center gap-3">
          <Thumbnail jobId={jobId} name={image.name} />
          <span className="flex min-w-0 flex-col">
            <span className="max-w-64 truncate font-medium" title={image.name}>
              {image.name}
            </span>
            <span className="text-xs text-muted">{size}</span>
          </span>
        </span>
      </Cell>
      <Cell className={image.registered ? '' : 'min-w-64'}>
        <Badge tone={image.registered ? 'ok' : 'warn'}>{verdictInWords(image.verdict)}</Badge>
        {why ? (
          <span className={`mt-1 block text-sm text-muted ${isFixed ? 'max-w-96 truncate' : 'max-w-lg'}`} title={why}>
            {why}
          </span>
        ) : null}
      </Cell>
      <Cell figures>{count(image.num_keypoints)}</Cell>
      <Cell figures>
        {count(image.num_inlier_matches)}
        <span className="block text-xs text-muted" title="all matches; one geometry explains those above">
          of {count(image.num_matches)}
        </span>
      </Cell>
      <Cell figures>{image.registered ? count(image.num_observations) : '–'}</Cell>
      <Cell figures>{image.mean_reprojection_error_px?.toFixed(3) ?? '–'}</Cell>
      <Cell figures>{image.sharpness === null ? '–' : count(Math.round(image.sharpness))}</Cell>
    </tr>
  );
}
