/** What is installed on the server, by what it does. */

import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';
import type { PluginSummary } from '../api/generated';
import { listPluginsOptions } from '../api/generated/@tanstack/react-query.gen';
import { Page } from '../app/Page';
import { Badge } from '../ui/Badge';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { Panel } from '../ui/Panel';
import { Cell, Head, Table } from '../ui/Table';
import { TableSkeleton } from '../ui/TableSkeleton';
import { KIND_WORDS, PLUGIN_TONES } from './words';

export function PluginsPage() {
  const { data, error, isPending, refetch } = useQuery(listPluginsOptions());
  const plugins = data?.plugins ?? [];
  const kinds = [...new Set([...Object.keys(KIND_WORDS), ...plugins.map(({ kind }) => kind)])];
  return (
    <Page title="Plugins" lead="Every step of a pipeline is a plugin. These are installed on this server.">
      {error ? <ErrorNotice error={error} title="The plugins could not be listed" onRetry={() => refetch()} /> : null}
      {isPending ? (
        <Panel flush>
          <TableSkeleton what="Loading the plugins" />
        </Panel>
      ) : null}
      {data && plugins.length === 0 ? (
        <Panel>
          <EmptyState title="No plugin is installed">
            The operator of the server puts them into its plugin folder.
          </EmptyState>
        </Panel>
      ) : null}
      {kinds.map((kind) => {
        const ofKind = plugins.filter((plugin) => plugin.kind === kind);
        return ofKind.length > 0 ? (
          <Panel key={kind} title={KIND_WORDS[kind] ?? kind} flush>
            <Plugins kind={kind} plugins={ofKind} />
          </Panel>
        ) : null;
      })}
    </Page>
  );
}

function Plugins({ kind, plugins }: { kind: string; plugins: readonly PluginSummary[] }) {
  return (
    <Table caption={KIND_WORDS[kind] ?? kind} stacks>
      <thead>
        <tr>
          <Head className="w-44">Plugin</Head>
          <Head className="w-24">Health</Head>
          <Head>What it does</Head>
          <Head className="w-24">Version</Head>
          <Head className="w-32">Licence</Head>
        </tr>
      </thead>
      <tbody>
        {plugins.map((plugin) => (
          <tr key={plugin.id}>
            <Cell>
              <Link to={`/plugins/${plugin.id}`} className="font-medium text-accent-strong hover:underline">
                {plugin.id}
              </Link>
            </Cell>
            <Cell>
              <Badge tone={PLUGIN_TONES[plugin.state]}>{plugin.state}</Badge>
            </Cell>
            <Cell className="max-sm:order-1 max-sm:w-full sm:min-w-64">{plugin.summary ?? plugin.problem}</Cell>
            <Cell className="max-sm:order-2 max-sm:text-sm max-sm:text-muted">{plugin.version}</Cell>
            <Cell className="whitespace-nowrap max-sm:order-2 max-sm:text-sm max-sm:text-muted">{plugin.license}</Cell>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}
