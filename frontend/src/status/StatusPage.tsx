/** How the server is: its parts for everybody, its queue, devices and throughput for admins. */

import { useQuery } from '@tanstack/react-query';
import { authorisedFetch } from '../api/client';
import type { Readiness } from '../api/generated';
import { readyzQueryKey } from '../api/generated/@tanstack/react-query.gen';
import { zReadiness } from '../api/generated/zod.gen';
import { asApiError, problemOf } from '../api/problem';
import { Page } from '../app/Page';
import { useIsAdmin } from '../state/useSession';
import { Badge } from '../ui/Badge';
import { ErrorNotice } from '../ui/ErrorNotice';
import { Notice } from '../ui/Notice';
import { Panel } from '../ui/Panel';
import { Cell, Head, Table } from '../ui/Table';
import { TableSkeleton } from '../ui/TableSkeleton';
import { Operations } from './Operations';

const POLL_MS = 5000;

export function StatusPage() {
  const isAdmin = useIsAdmin();
  const { data, error, isPending, refetch } = useQuery({
    queryKey: readyzQueryKey(),
    queryFn: ({ signal }) => askReadiness(signal),
    refetchInterval: POLL_MS,
  });
  return (
    <Page title="Status" lead="Whether the server can work, asked for every five seconds.">
      {error ? <ErrorNotice error={error} title="The server could not be asked" onRetry={() => refetch()} /> : null}
      {data && !data.ready ? (
        <Notice tone="bad" alert title="The server can't do all of its work">
          <p className="text-muted">What is asked for meanwhile waits, or is refused with a reason.</p>
        </Notice>
      ) : null}
      <Panel title="Parts of the server" flush>
        {isPending ? <TableSkeleton what="Asking the server" /> : null}
        {data ? <Parts readiness={data} /> : null}
      </Panel>
      {isAdmin ? (
        <Operations />
      ) : (
        <p className="text-sm text-muted">Queue, devices and throughput are shown to admins.</p>
      )}
    </Page>
  );
}

/** 503 says which part is not ready: that is an answer, and no failure to ask. */
async function askReadiness(signal: AbortSignal): Promise<Readiness> {
  const answer = await authorisedFetch(new URL('/readyz', window.location.href), { signal });
  const text = await answer.text();
  const told = answer.ok || answer.status === 503 ? zReadiness.safeParse(parsed(text)) : undefined;
  if (told?.success) return told.data;
  throw answer.ok ? asApiError(told?.error) : problemOf(answer, text);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const WHAT: Record<string, string> = {
  database: 'Database: users, jobs, events',
  objects: 'Object store: photos and results',
  worker: 'Worker: runs the jobs',
  disk: 'Disk: room for uploads',
  plugins: 'Plugins: the steps of pipelines',
};

function Parts({ readiness }: { readiness: Readiness }) {
  return (
    <Table caption="Parts of the server">
      <thead>
        <tr>
          <Head>Part</Head>
          <Head>State</Head>
        </tr>
      </thead>
      <tbody>
        {readiness.parts.map((part) => (
          <tr key={part.name}>
            <Cell>{WHAT[part.name] ?? part.name}</Cell>
            <Cell>
              <Badge tone={part.ready ? 'ok' : 'bad'}>{part.ready ? 'ready' : 'not ready'}</Badge> {part.reason}
            </Cell>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}
