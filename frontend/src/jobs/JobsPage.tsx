/** The user's jobs, youngest first: found, followed, cancelled, tried again, deleted. */

import { Link } from 'react-router';
import { Page } from '../app/Page';
import { Button, buttonClass } from '../ui/Button';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { count, counted } from '../ui/format';
import { Panel } from '../ui/Panel';
import { Head, Table } from '../ui/Table';
import { TableSkeleton } from '../ui/TableSkeleton';
import { JobFilters, useFilters } from './JobFilters';
import { JobRow } from './JobRow';
import { useJobList } from './useJobList';

export function JobsPage() {
  const { state, search } = useFilters();
  const list = useJobList(state, search);
  const isFiltered = state !== undefined || search !== '';
  const hasNone = list.isSuccess && list.jobs.length === 0 && !isFiltered;
  const begin = (
    <Link to="/new" className={buttonClass('primary')}>
      New reconstruction
    </Link>
  );
  return (
    <Page title="Reconstructions" actions={hasNone ? null : begin}>
      {hasNone ? (
        <Panel>
          <EmptyState title="No reconstruction yet" action={begin}>
            Upload photos of one place or thing, taken from many sides, and watch it become a 3D scene.
          </EmptyState>
        </Panel>
      ) : (
        <>
          <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
            <JobFilters />
            <Found list={list} isFiltered={isFiltered} />
          </div>
          <Panel flush>
            {list.error ? (
              <div className="p-4">
                <ErrorNotice error={list.error} title="The list could not be loaded" onRetry={() => list.refetch()} />
              </div>
            ) : null}
            {list.isPending ? <TableSkeleton what="Loading the reconstructions" /> : null}
            {list.found.length > 0 ? <Jobs list={list} /> : null}
            {list.isSuccess && list.found.length === 0 && !list.isFetchingNextPage ? (
              <NothingFound list={list} />
            ) : null}
            <More list={list} search={search} />
          </Panel>
        </>
      )}
    </Page>
  );
}

interface ListProps {
  list: ReturnType<typeof useJobList>;
}

function Jobs({ list }: ListProps) {
  return (
    <Table caption="Reconstructions">
      <thead>
        <tr>
          <Head>Reconstruction</Head>
          <Head>State</Head>
          <Head figures className="hidden sm:table-cell">
            Photos
          </Head>
          <Head figures className="hidden sm:table-cell">
            Took
          </Head>
          <Head figures className="hidden md:table-cell">
            Asked for
          </Head>
          <Head>
            <span className="sr-only">What can be done</span>
          </Head>
        </tr>
      </thead>
      <tbody>
        {list.found.map((job) => (
          <JobRow key={job.id} job={job} />
        ))}
      </tbody>
    </Table>
  );
}

function Found({ list, isFiltered }: ListProps & { isFiltered: boolean }) {
  if (!list.isSuccess) return null;
  const more = list.hasNextPage ? ' or more' : '';
  const text = isFiltered
    ? `${count(list.found.length)}${more} found`
    : `${counted(list.jobs.length, 'reconstruction')}${more}`;
  return (
    <p role="status" className="text-sm text-muted">
      {text}
    </p>
  );
}

function NothingFound({ list }: ListProps) {
  return (
    <EmptyState
      title="Nothing found"
      action={
        <Link to="/jobs" className={buttonClass()}>
          Show all
        </Link>
      }
    >
      None of {counted(list.jobs.length, 'reconstruction')} is like that.
    </EmptyState>
  );
}

function More({ list, search }: ListProps & { search: string }) {
  if (!list.hasNextPage) return null;
  return (
    <div className="flex justify-center border-t border-line p-3">
      <Button busy={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
        {list.isFetchingNextPage ? 'Loading…' : search ? 'Search older ones' : 'Show older ones'}
      </Button>
    </div>
  );
}
