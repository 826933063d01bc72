/** Makes a link to a file for others, and copies it; where the browser does not let it, the link is shown. */

import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { makeLink } from '../api/generated';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { ErrorNotice } from '../ui/ErrorNotice';
import { Field } from '../ui/Field';
import { dateTime } from '../ui/format';
import { IconButton } from '../ui/IconButton';
import { CopyIcon, LinkIcon } from '../ui/icons';
import { tell } from '../ui/Toast';

const HOLDS: readonly { name: string; secs: number }[] = [
  { name: 'an hour', secs: 3600 },
  { name: 'a day', secs: 86_400 },
  { name: 'a week', secs: 604_800 },
];

export function LinkButton({ jobId, name }: { jobId: string; name: string }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <IconButton label={`Link to ${name}`} onClick={() => setOpen(true)}>
        <LinkIcon />
      </IconButton>
      {isOpen ? <LinkDialog jobId={jobId} name={name} onClose={() => setOpen(false)} /> : null}
    </>
  );
}

function LinkDialog({ jobId, name, onClose }: { jobId: string; name: string; onClose: () => void }) {
  const [secs, setSecs] = useState(HOLDS[1]?.secs ?? 3600);
  const link = useMutation({
    mutationFn: async () =>
      (await makeLink({ path: { id: jobId }, body: { name, expires_secs: secs }, throwOnError: true })).data,
  });
  const url = link.data ? new URL(link.data.href, window.location.href).href : '';
  const copy = () => {
    navigator.clipboard?.writeText(url).then(
      () => tell('The link is copied.', 'ok'),
      () => tell('The browser does not let this page copy; copy it from the field.', 'warn'),
    );
  };
  return (
    <Dialog
      title={`Link to ${name}`}
      open
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Close</Button>
          {link.data ? (
            <Button kind="primary" icon={<CopyIcon />} onClick={copy}>
              Copy
            </Button>
          ) : (
            <Button kind="primary" busy={link.isPending} onClick={() => link.mutate()}>
              Make the link
            </Button>
          )}
        </>
      }
    >
      <p className="text-muted">Whoever has the link may download this file, without signing in, until it expires.</p>
      {link.data ? (
        <Field label="Link" hint={`holds until ${dateTime(link.data.expires_at)}`}>
          {(control) => (
            <input
              {...control}
              readOnly
              className="control font-mono text-sm"
              value={url}
              onFocus={(event) => event.currentTarget.select()}
            />
          )}
        </Field>
      ) : (
        <Field label="It holds for">
          {(control) => (
            <select
              {...control}
              className="control"
              value={secs}
              onChange={(event) => setSecs(Number(event.target.value))}
            >
              {HOLDS.map((one) => (
                <option key={one.secs} value={one.secs}>
                  {one.name}
                </option>
              ))}
            </select>
          )}
        </Field>
      )}
      {link.error ? <ErrorNotice error={link.error} title="The link was not made" /> : null}
    </Dialog>
  );
}
