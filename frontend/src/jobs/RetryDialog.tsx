/** Another try of a job: the same photos, with the same pipeline, another one, or values of one's own. */

import { useQuery } from '@tanstack/react-query';
import { useEffect, useId, useState } from 'react';
import { useNavigate } from 'react-router';
import type { JobSummary, RetryRequest } from '../api/generated';
import { getJobOptions, listConfigsOptions } from '../api/generated/@tanstack/react-query.gen';
import { aboutConfig } from '../new/configText';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { ErrorNotice } from '../ui/ErrorNotice';
import { Field } from '../ui/Field';
import { pipelineOf } from './state';
import { useRetry } from './useJobActions';

interface RetryDialogProps {
  job: JobSummary;
  open: boolean;
  onClose: () => void;
}

export function RetryDialog(props: RetryDialogProps) {
  // begins anew each time it is opened
  return props.open ? <Retry {...props} /> : null;
}

type Choice = { kind: 'same' } | { kind: 'named'; name: string } | { kind: 'text' };

function Retry({ job, onClose }: RetryDialogProps) {
  const group = useId();
  const navigate = useNavigate();
  const retry = useRetry(job.id);
  const configs = useQuery(listConfigsOptions());
  const { data: view } = useQuery(getJobOptions({ path: { id: job.id } }));
  const [choice, setChoice] = useState<Choice>({ kind: 'same' });
  const [text, setText] = useState('');
  const [key, setKey] = useState(randomKey);
  const others = configs.data?.configs.filter(({ name }) => name !== job.config) ?? [];
  useEffect(() => {
    if (view) setText((before) => before || view.config_toml);
  }, [view]);
  const choose = (next: Choice, toml?: string) => {
    setChoice(next);
    // another request is another job
    setKey(randomKey());
    if (toml !== undefined) setText(toml);
  };
  const begin = () =>
    retry.mutate(
      { body: requestOf(choice, text), key },
      {
        onSuccess: ({ id }) => {
          onClose();
          navigate(`/jobs/${id}`);
        },
      },
    );
  const option = { group, choice, choose };
  return (
    <Dialog
      title="Try again"
      open
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Close</Button>
          <Button kind="primary" busy={retry.isPending} onClick={begin}>
            Start
          </Button>
        </>
      }
    >
      <p className="text-muted">
        Another reconstruction of the same photos. What the pipeline does not change is not computed again.
      </p>
      <fieldset className="flex flex-col gap-1">
        <legend className="mb-1 font-medium">Pipeline</legend>
        <Option {...option} value={{ kind: 'same' }} toml={view?.config_toml} label={`${pipelineOf(job)}, as it was`} />
        {others.map(({ name, toml }) => (
          <Option
            key={name}
            {...option}
            value={{ kind: 'named', name }}
            toml={toml}
            label={name}
            about={aboutConfig(toml)}
          />
        ))}
        <Option {...option} value={{ kind: 'text' }} label="with values of my own" />
      </fieldset>
      {choice.kind === 'text' ? (
        <Field label="Config" hint="TOML" help="It begins with the pipeline that was chosen before.">
          {(control) => (
            <textarea
              {...control}
              className="control min-h-56 font-mono text-sm"
              spellCheck={false}
              value={text}
              onChange={(event) => {
                setText(event.target.value);
                setKey(randomKey());
              }}
            />
          )}
        </Field>
      ) : null}
      {retry.error ? <ErrorNotice error={retry.error} title="It was not started" /> : null}
    </Dialog>
  );
}

interface OptionProps {
  group: string;
  choice: Choice;
  choose: (choice: Choice, toml?: string) => void;
  value: Choice;
  toml?: string | undefined;
  label: string;
  /** What it is for. */
  about?: string | undefined;
}

function Option({ group, choice, choose, value, toml, label, about }: OptionProps) {
  return (
    <label className="flex min-h-8 items-start gap-2.5 py-1">
      <input
        type="radio"
        name={group}
        className="mt-0.5 size-4 shrink-0 accent-accent"
        checked={JSON.stringify(choice) === JSON.stringify(value)}
        onChange={() => choose(value, toml)}
      />
      <span>
        {label}
        {about ? <span className="block text-sm text-pretty text-muted">{about}</span> : null}
      </span>
    </label>
  );
}

function requestOf(choice: Choice, text: string): RetryRequest {
  if (choice.kind === 'same') return {};
  return choice.kind === 'named' ? { config: choice.name } : { config_toml: text };
}

/** The same request, sent twice, makes one job. */
function randomKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
