/** How the server is. */

import { useQuery } from '@tanstack/react-query';
import { readyzOptions } from '../api/generated/@tanstack/react-query.gen';
import { Page } from '../app/Page';
import { PageLoading } from '../app/PageLoading';
import { Badge } from '../ui/Badge';
import { ErrorNotice } from '../ui/ErrorNotice';
import { Panel } from '../ui/Panel';
import { Cell, Head, Table } from '../ui/Table';

const POLL_MS = 5000;

export function StatusPage() {
  const { data, error, isPending, refetch } = useQuery({ ...readyzOptions(), refetchInterval: POLL_MS });
  if (isPending) return <PageLoading what="Asking the server" />;
  return (
    <Page title="Status">
      {error ? <ErrorNotice error={error} onRetry={() => refetch()} /> : null}
      {data ? (
        <Panel title="Parts of the server" flush>
          <Table caption="State of each part">
            <thead>
              <tr>
                <Head>Part</Head>
                <Head>State</Head>
              </tr>
            </thead>
            <tbody>
              {data.parts.map((part) => (
                <tr key={part.name}>
                  <Cell>{part.name}</Cell>
                  <Cell>
                    <Badge tone={part.ready ? 'ok' : 'bad'}>{part.ready ? 'ready' : 'not ready'}</Badge> {part.reason}
                  </Cell>
                </tr>
              ))}
            </tbody>
          </Table>
        </Panel>
      ) : null}
    </Page>
  );
}
