/** The user's jobs, youngest first. */

import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';
import { listJobsOptions } from '../api/generated/@tanstack/react-query.gen';
import { Page } from '../app/Page';
import { PageLoading } from '../app/PageLoading';
import { Badge } from '../ui/Badge';
import { buttonClass } from '../ui/Button';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { count, dateTime } from '../ui/format';
import { Panel } from '../ui/Panel';
import { Cell, Head, Table } from '../ui/Table';
import { STATE_TONES } from './state';

export function JobsPage() {
  const { data, error, isPending, refetch } = useQuery(listJobsOptions());
  const begin = (
    <Link to="/new" className={buttonClass('primary')}>
      New reconstruction
    </Link>
  );
  if (isPending) return <PageLoading what="Loading the reconstructions" />;
  return (
    <Page title="Reconstructions" actions={data?.jobs.length ? begin : null}>
      {error ? <ErrorNotice error={error} title="The list could not be loaded" onRetry={() => refetch()} /> : null}
      {data?.jobs.length === 0 ? (
        <Panel>
          <EmptyState title="No reconstruction yet" action={begin}>
            Upload photos of one place or thing, taken from many sides, and watch it become a 3D scene.
          </EmptyState>
        </Panel>
      ) : null}
      {data?.jobs.length ? (
        <Panel flush>
          <Table caption="Reconstructions">
            <thead>
              <tr>
                <Head>Job</Head>
                <Head>State</Head>
                <Head>Stage</Head>
                <Head>Pipeline</Head>
                <Head figures>Photos</Head>
                <Head figures>Asked for</Head>
              </tr>
            </thead>
            <tbody>
              {data.jobs.map((job) => (
                <tr key={job.id}>
                  <Cell>
                    <Link to={`/jobs/${job.id}`} className="font-mono text-sm text-accent-strong hover:underline">
                      {job.id}
                    </Link>
                  </Cell>
                  <Cell>
                    <Badge tone={STATE_TONES[job.state]}>{job.state}</Badge>
                  </Cell>
                  <Cell>{job.stage}</Cell>
                  <Cell>{job.config}</Cell>
                  <Cell figures>{count(job.num_images)}</Cell>
                  <Cell figures>{dateTime(job.created_at)}</Cell>
                </tr>
              ))}
            </tbody>
          </Table>
        </Panel>
      ) : null}
    </Page>
  );
}
