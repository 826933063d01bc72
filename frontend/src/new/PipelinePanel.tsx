/** Which pipeline, and its values: the server's configs, a form a stage, the text behind it, checked as it is typed. */

import { useQuery } from '@tanstack/react-query';
import { listConfigsOptions } from '../api/generated/@tanstack/react-query.gen';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { Panel } from '../ui/Panel';
import { TableSkeleton } from '../ui/TableSkeleton';
import { CheckLine } from './CheckLine';
import { ConfigAsText } from './ConfigAsText';
import { ConfigList } from './ConfigList';
import { mistakesByPath, stagesOf } from './configText';
import { StageForm } from './StageForm';
import type { Pipeline } from './usePipeline';

export function PipelinePanel({ pipeline }: { pipeline: Pipeline }) {
  const { data, error, isPending, refetch } = useQuery(listConfigsOptions());
  const { text, problem } = pipeline;
  const parsed = stagesOf(text);
  const mistakes = mistakesByPath(problem?.code === 'invalid_config' ? problem.errors : []);
  return (
    <Panel title="Pipeline" aside={<CheckLine pipeline={pipeline} />}>
      {error ? <ErrorNotice error={error} onRetry={() => refetch()} /> : null}
      {isPending ? <TableSkeleton what="Loading the pipelines" rows={3} /> : null}
      {data?.configs.length === 0 ? (
        <EmptyState title="The server has no pipelines">
          Its operator names folders of configs by <code className="font-mono">jobs.config_dirs</code>.
        </EmptyState>
      ) : null}
      {data?.configs.length ? (
        <div className="flex flex-col gap-5">
          <ConfigList configs={data.configs} pipeline={pipeline} />
          {problem ? <Mistakes pipeline={pipeline} general={mistakes.get('') ?? []} /> : null}
          {parsed.ok ? (
            <div className="flex flex-col gap-2">
              <p className="engraved">Settings of its stages</p>
              {parsed.stages.map((stage) => (
                <StageForm
                  key={stage.path}
                  stage={stage}
                  mistakes={mistakes}
                  onChange={(key, value) => pipeline.change(stage.path, key, value)}
                />
              ))}
            </div>
          ) : null}
          <ConfigAsText pipeline={pipeline} mistake={parsed.ok ? undefined : parsed.mistake} />
        </div>
      ) : null}
    </Panel>
  );
}

/** What stands at no field: what is wrong with the whole, or that it could not be checked. */
function Mistakes({ pipeline: { problem, recheck }, general }: { pipeline: Pipeline; general: string[] }) {
  if (!problem) return null;
  if (problem.code !== 'invalid_config') {
    return <ErrorNotice error={problem} title="The pipeline could not be checked" onRetry={recheck} />;
  }
  if (general.length === 0) return null;
  return (
    <ul
      role="alert"
      className="flex flex-col gap-1 rounded-md border border-line border-l-3 border-l-bad bg-bad-wash px-4 py-3"
    >
      {general.map((mistake) => (
        <li key={mistake}>{mistake}</li>
      ))}
    </ul>
  );
}
