/** How a model was made, so that it can be made again: program, machine, plugins, weights, config. */

import { Link } from 'react-router';
import type { JobView } from '../api/generated';
import type { Report } from '../report/report';
import { bytes, counted } from '../ui/format';
import { Panel } from '../ui/Panel';

export function MadeBy({ report, job }: { report: Report; job: JobView }) {
  const { run, plugins, weights } = report;
  const facts: [string, string][] = [
    ['Program', `scene3d ${run.scene3d_version}${run.mapper_engine ? `, ${run.mapper_engine}` : ''}`],
    ['Device', `${run.device}, ${counted(run.threads, 'thread')}`],
    ['Memory', run.peak_memory_bytes ? `${bytes(run.peak_memory_bytes)} at most` : 'not told'],
    ['Seed', String(run.seed)],
    ['Again', run.config.command],
  ];
  return (
    <Panel title="How it was made">
      <div className="grid gap-x-8 gap-y-5 md:grid-cols-2">
        <dl className="grid grid-cols-[5rem_1fr] content-start gap-x-3 gap-y-1.5">
          {facts.map(([name, value]) => (
            <div key={name} className="contents">
              <dt className="text-muted">{name}</dt>
              <dd className={name === 'Again' ? 'min-w-0 font-mono text-sm wrap-anywhere' : ''}>{value}</dd>
            </div>
          ))}
        </dl>
        <dl className="grid grid-cols-[5rem_1fr] content-start gap-x-3 gap-y-1.5">
          {plugins.map((plugin) => (
            <div key={`${plugin.kind} ${plugin.id}`} className="contents">
              <dt className="text-muted">{plugin.kind}</dt>
              <dd>
                <Link to={`/plugins/${plugin.id}`} className="text-accent-strong underline underline-offset-2">
                  {plugin.id}
                </Link>{' '}
                {plugin.version} <span className="text-muted">({plugin.license})</span>
              </dd>
            </div>
          ))}
          {weights.map((one) => (
            <div key={`${one.plugin} ${one.name}`} className="contents">
              <dt className="text-muted">weights</dt>
              <dd title={`sha256 ${one.sha256}`}>
                {one.name} <span className="text-muted">({one.license})</span>
              </dd>
            </div>
          ))}
        </dl>
      </div>
      <details className="group mt-4">
        <summary className="w-fit rounded-sm py-1 text-muted hover:text-ink">
          <span aria-hidden="true" className="mr-2 inline-block transition-transform group-open:rotate-90">
            ›
          </span>
          Its config
        </summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard (WCAG 2.1.1) */}
        <pre tabIndex={0} className="mt-1 max-h-96 overflow-auto rounded-md bg-sunken p-3 font-mono text-sm">
          {job.config_toml}
        </pre>
      </details>
    </Panel>
  );
}
