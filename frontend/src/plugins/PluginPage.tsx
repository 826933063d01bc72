/** One plugin: what it takes and gives, where it runs, which weights it reads, and every value of its config. */

import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from 'react-router';
import type { PluginDetail } from '../api/generated';
import { getPluginOptions } from '../api/generated/@tanstack/react-query.gen';
import { ApiError } from '../api/problem';
import { NoSuchPage } from '../app/NoSuchPage';
import { Page } from '../app/Page';
import { PageLoading } from '../app/PageLoading';
import { Badge } from '../ui/Badge';
import { ErrorNotice } from '../ui/ErrorNotice';
import { Notice } from '../ui/Notice';
import { Panel } from '../ui/Panel';
import { ConfigTable } from './ConfigTable';
import { type Descriptor, descriptorOf, type Port } from './descriptor';
import { PLUGIN_STATES, PLUGIN_TONES } from './words';

export function PluginPage() {
  const { id = '' } = useParams();
  const { data: plugin, error, isPending, refetch } = useQuery(getPluginOptions({ path: { id } }));
  if (isPending) return <PageLoading what="Loading the plugin" />;
  if (!plugin) {
    if (error instanceof ApiError && error.status === 404) return <NoSuchPage />;
    return (
      <Page title={id}>
        <ErrorNotice error={error} onRetry={() => refetch()} />
      </Page>
    );
  }
  const declared = descriptorOf(plugin.descriptor);
  return (
    <Page title={plugin.id} lead={<Lead plugin={plugin} />}>
      {plugin.state === 'ready' ? null : (
        <Notice tone={PLUGIN_TONES[plugin.state]} title={PLUGIN_STATES[plugin.state]}>
          {plugin.problem ? <code className="font-mono text-sm">{plugin.problem}</code> : null}
        </Notice>
      )}
      {declared ? <Declared declared={declared} /> : null}
    </Page>
  );
}

function Lead({ plugin }: { plugin: PluginDetail }) {
  const facts = [plugin.kind, plugin.version, plugin.license].filter(Boolean).join(' · ');
  return (
    <div className="flex flex-col gap-1.5">
      <p>{plugin.summary}</p>
      <p className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <Badge tone={PLUGIN_TONES[plugin.state]}>{plugin.state}</Badge> {facts}
        <Link to="/plugins" className="text-accent-strong underline underline-offset-2">
          All plugins
        </Link>
      </p>
    </div>
  );
}

function Declared({ declared }: { declared: Descriptor }) {
  const { source, devices, emits_family, accepts_families, weights } = declared;
  const facts: [string, string][] = [
    ['Source', source],
    ['Runs on', devices.join(', ')],
    ['Gives features', emits_family ?? ''],
    ['Takes features', accepts_families.join(', ')],
  ];
  return (
    <>
      <div className="grid items-start gap-4 md:grid-cols-2">
        <Panel title="What it is">
          <dl className="grid grid-cols-[7.5rem_1fr] gap-x-3 gap-y-2">
            {facts
              .filter(([, value]) => value)
              .map(([name, value]) => (
                <div key={name} className="contents">
                  <dt className="text-muted">{name}</dt>
                  <dd className="min-w-0 break-words">{value}</dd>
                </div>
              ))}
            {weights.map((one) => (
              <div key={one.name} className="contents">
                <dt className="text-muted">Weights</dt>
                <dd className="min-w-0" title={`sha256 ${one.sha256}`}>
                  {one.file} <span className="text-muted">({one.license})</span>
                </dd>
              </div>
            ))}
          </dl>
        </Panel>
        <Panel title="What it takes and gives">
          <div className="flex flex-col gap-4">
            <Ports name="Takes" ports={declared.inputs} />
            <Ports name="Gives" ports={declared.outputs} />
          </div>
        </Panel>
      </div>
      <ConfigTable schema={declared.config_schema} />
    </>
  );
}

function Ports({ name, ports }: { name: string; ports: readonly Port[] }) {
  if (ports.length === 0) return null;
  return (
    <div className="flex flex-col gap-2">
      <h3 className="engraved">{name}</h3>
      <ul className="flex flex-col gap-2">
        {ports.map((port) => (
          <li key={port.name}>
            <code className="font-mono text-sm">
              {port.name} <span className="text-muted">{`${port.dtype} ${port.shape}`}</span>
            </code>
            {port.optional ? <span className="text-sm text-muted"> · optional</span> : null}
            <p className="text-sm text-muted">{port.doc}</p>
          </li>
        ))}
      </ul>
    </div>
  );
}
