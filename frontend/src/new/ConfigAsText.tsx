/** The config as TOML, for what the forms do not show and for those who know it. */

import { useEffect, useState } from 'react';
import { Button } from '../ui/Button';
import { Field } from '../ui/Field';
import type { Pipeline } from './usePipeline';

interface ConfigAsTextProps {
  pipeline: Pipeline;
  /** Why it is no TOML. */
  mistake: string | undefined;
}

export function ConfigAsText({ pipeline, mistake }: ConfigAsTextProps) {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    if (mistake) setOpen(true);
  }, [mistake]);
  return (
    <details className="group" open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="w-fit rounded-sm py-1 text-muted hover:text-ink">
        <span aria-hidden="true" className="mr-2 inline-block transition-transform group-open:rotate-90">
          ›
        </span>
        The whole config as text
      </summary>
      <div className="mt-2 flex flex-col gap-3">
        <Field label="Config" hint="TOML" error={mistake}>
          {(control) => (
            <textarea
              {...control}
              className="control min-h-72 font-mono text-sm"
              spellCheck={false}
              value={pipeline.text}
              onChange={(event) => pipeline.write(event.target.value)}
            />
          )}
        </Field>
        {pipeline.isEdited ? (
          <Button className="self-start" onClick={pipeline.restore}>
            Undo every change
          </Button>
        ) : null}
      </div>
    </details>
  );
}
