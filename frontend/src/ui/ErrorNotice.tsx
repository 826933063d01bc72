/** What failed, why, and what to try: the server's problem as it is, with its code for whoever is asked for help. */

import { type ApiError, asApiError } from '../api/problem';
import { Button } from './Button';
import { Notice } from './Notice';

interface ErrorNoticeProps {
  error: unknown;
  /** What could not be done, e.g. "The job could not be started". */
  title?: string;
  onRetry?: () => void;
}

export function ErrorNotice({ error, title, onRetry }: ErrorNoticeProps) {
  const problem: ApiError = asApiError(error);
  return (
    <Notice tone="bad" alert title={title ?? problem.title}>
      <p>{problem.detail}</p>
      {problem.errors.length > 0 ? (
        <ul className="list-disc space-y-1 pl-5">
          {problem.errors.map((mistake) => (
            <li key={mistake}>{mistake}</li>
          ))}
        </ul>
      ) : null}
      {problem.help ? <p className="text-muted">{problem.help}</p> : null}
      <div className="flex flex-wrap items-center gap-3">
        {onRetry ? <Button onClick={onRetry}>Try again</Button> : null}
        <code className="font-mono text-xs text-muted">
          {problem.code}
          {problem.status ? ` · ${problem.status}` : ''}
          {problem.requestId ? ` · ${problem.requestId}` : ''}
        </code>
      </div>
    </Notice>
  );
}
