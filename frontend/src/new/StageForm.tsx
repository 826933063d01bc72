/** The settings of one stage, folded away until somebody wants them. */

import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { getPluginOptions } from '../api/generated/@tanstack/react-query.gen';
import { SchemaForm } from '../plugins/SchemaForm';
import { fieldsOf, type Value } from '../plugins/schema';
import { Badge } from '../ui/Badge';
import { ErrorNotice } from '../ui/ErrorNotice';
import { counted } from '../ui/format';
import type { Stage } from './configText';

/** What plugins declare does not change while the server runs. */
const STALE_MS = 600_000;

interface StageFormProps {
  stage: Stage;
  /** Of the whole config, by path. */
  mistakes: ReadonlyMap<string, string[]>;
  onChange: (key: string, value: Value | undefined) => void;
}

export function StageForm({ stage, mistakes, onChange }: StageFormProps) {
  const { data, error, refetch } = useQuery({
    ...getPluginOptions({ path: { id: stage.plugin } }),
    staleTime: STALE_MS,
  });
  const fields = fieldsOf(data?.descriptor?.['config_schema']);
  const ours = Object.fromEntries(
    fields.map(({ key }) => [key, mistakes.get(`${stage.path}.${key}`)?.join('; ') ?? '']),
  );
  const known = new Set(fields.map(({ key }) => `${stage.path}.${key}`));
  const others = [...mistakes].filter(([path]) => path.startsWith(`${stage.path}.`) && !known.has(path));
  const numMistakes = Object.values(ours).filter(Boolean).length + others.length;
  const numSet = Object.keys(stage.values).length;
  const [isOpen, setOpen] = useState(false);
  // a mistake is shown, and stays in sight while it is mended
  useEffect(() => {
    if (numMistakes > 0) setOpen(true);
  }, [numMistakes]);
  return (
    <details
      className="group rounded-md border border-line"
      open={isOpen}
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
      <summary className="flex min-h-10 flex-wrap items-center gap-x-3 gap-y-1 rounded-md px-3 py-1.5 hover:bg-sunken">
        <span aria-hidden="true" className="text-muted transition-transform group-open:rotate-90">
          ›
        </span>
        <span className="font-medium">{stage.plugin}</span>
        <span className="text-muted">{stage.kind}</span>
        <span className="ml-auto flex gap-2">
          {numMistakes > 0 ? <Badge tone="bad">{counted(numMistakes, 'mistake')}</Badge> : null}
          {numSet > 0 ? <Badge>{counted(numSet, 'value')} set</Badge> : null}
        </span>
      </summary>
      <div className="flex flex-col gap-4 border-t border-line p-4">
        {error ? <ErrorNotice error={error} onRetry={() => refetch()} /> : null}
        {others.map(([path, texts]) => (
          <p key={path} className="text-bad">
            {texts.join('; ')}
          </p>
        ))}
        {data && fields.length === 0 ? <p className="text-muted">It has no settings.</p> : null}
        <SchemaForm fields={fields} values={stage.values} mistakes={ours} onChange={onChange} />
      </div>
    </details>
  );
}
