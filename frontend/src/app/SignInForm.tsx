/** Name and password. */

import { type FormEvent, useState } from 'react';
import { type ApiError, asApiError } from '../api/problem';
import { signIn } from '../state/session';
import { Button } from '../ui/Button';
import { ErrorNotice } from '../ui/ErrorNotice';
import { Field } from '../ui/Field';
import { Notice } from '../ui/Notice';

interface SignInFormProps {
  /** Who is most likely to sign in. */
  user: string;
}

export function SignInForm({ user }: SignInFormProps) {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setError(undefined);
    try {
      await signIn(String(form.get('user')), String(form.get('password')));
    } catch (thrown) {
      setError(asApiError(thrown));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      <Field label="Name">
        {(control) => (
          <input
            {...control}
            name="user"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            required
            defaultValue={user}
            className="control"
          />
        )}
      </Field>
      <Field label="Password">
        {(control) => (
          <input
            {...control}
            ref={user ? focusFirst : undefined}
            name="password"
            type="password"
            autoComplete="current-password"
            required
            className="control"
          />
        )}
      </Field>
      {error ? <Refused error={error} /> : null}
      <Button type="submit" kind="primary" busy={isBusy}>
        {isBusy ? 'Signing in…' : 'Sign in'}
      </Button>
    </form>
  );
}

/** Where a dialog begins: React's own `autoFocus` comes before the dialog opens, and is lost then. */
function focusFirst(input: HTMLInputElement | null) {
  input?.setAttribute('autofocus', '');
}

/** The two usual reasons in words for people; the others as they are. */
function Refused({ error }: { error: ApiError }) {
  if (error.code === 'wrong_credentials') {
    return (
      <Notice tone="bad" alert title="Name or password is wrong">
        <p>The operator of the server can set a new password.</p>
      </Notice>
    );
  }
  if (error.code === 'too_many_attempts') {
    return (
      <Notice tone="bad" alert title="Too many failed attempts">
        <p>Wait {error.retryAfterSecs ?? 'some'} s, then try again.</p>
      </Notice>
    );
  }
  return <ErrorNotice error={error} />;
}
