/** How good a model is, in five figures. */

import { percent } from '../charts/Histogram';
import type { Report } from '../report/report';
import { Figure, Figures } from '../ui/Figures';
import { count, duration, figure } from '../ui/format';

export function ModelFigures({ report }: { report: Report }) {
  const { statistics, images, run } = report;
  const numRegistered = statistics?.num_registered ?? 0;
  return (
    <Figures>
      <Figure name="Registered" detail={`${count(numRegistered)} of ${count(images.length)} photos`}>
        {percent(images.length > 0 ? numRegistered / images.length : 0)}
      </Figure>
      {statistics ? (
        <>
          <Figure name="Points">{count(statistics.num_points3d)}</Figure>
          <Figure name="Reprojection error" detail="px, mean">
            {figure(statistics.mean_reprojection_error_px)}
          </Figure>
          <Figure name="Track length" detail="photos a point">
            {figure(statistics.mean_track_length)}
          </Figure>
        </>
      ) : null}
      <Figure name="Took">{duration(run.total_secs)}</Figure>
    </Figures>
  );
}
