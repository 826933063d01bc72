/** What is installed on the server. */

import { useQuery } from '@tanstack/react-query';
import type { PluginState } from '../api/generated';
import { listPluginsOptions } from '../api/generated/@tanstack/react-query.gen';
import { Page } from '../app/Page';
import { PageLoading } from '../app/PageLoading';
import { Badge, type Tone } from '../ui/Badge';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { Panel } from '../ui/Panel';
import { Cell, Head, Table } from '../ui/Table';

const TONES: Record<PluginState, Tone> = { ready: 'ok', disabled: 'warn', unusable: 'bad' };

export function PluginsPage() {
  const { data, error, isPending, refetch } = useQuery(listPluginsOptions());
  if (isPending) return <PageLoading what="Loading the plugins" />;
  return (
    <Page title="Plugins" lead="Extractors, matchers and mappers that pipelines are made of.">
      {error ? <ErrorNotice error={error} onRetry={() => refetch()} /> : null}
      {data?.plugins.length === 0 ? <EmptyState title="No plugin is installed" /> : null}
      {data?.plugins.length ? (
        <Panel flush>
          <Table caption="Plugins">
            <thead>
              <tr>
                <Head>Plugin</Head>
                <Head>Kind</Head>
                <Head>State</Head>
                <Head>Version</Head>
                <Head>Licence</Head>
                <Head>What it does</Head>
              </tr>
            </thead>
            <tbody>
              {data.plugins.map((plugin) => (
                <tr key={plugin.id}>
                  <Cell className="font-medium">{plugin.id}</Cell>
                  <Cell>{plugin.kind}</Cell>
                  <Cell>
                    <Badge tone={TONES[plugin.state]}>{plugin.problem ?? plugin.state}</Badge>
                  </Cell>
                  <Cell>{plugin.version}</Cell>
                  <Cell>{plugin.license}</Cell>
                  <Cell className="min-w-72">{plugin.summary}</Cell>
                </tr>
              ))}
            </tbody>
          </Table>
        </Panel>
      ) : null}
    </Page>
  );
}
