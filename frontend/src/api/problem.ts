/** Whatever can go wrong with a request, as one kind of error: the server's problem+json, or one of our own. */

import { z } from 'zod';

/** RFC 9457 as the service sends it; read loosely, since a proxy in between may have written it. */
const problemBody = z.object({
  title: z.string().catch(''),
  code: z.string().catch('unknown'),
  detail: z.string().catch(''),
  help: z.string().catch(''),
  errors: z.array(z.string()).catch([]),
});

interface Told {
  status?: number;
  code: string;
  title: string;
  detail: string;
  help?: string;
  errors?: string[];
  requestId?: string | undefined;
  retryAfterSecs?: number | undefined;
}

/** Why a request was not done. */
export class ApiError extends Error {
  /** HTTP status; 0 if there was no answer. */
  readonly status: number;
  /** Stable, for programs. */
  readonly code: string;
  readonly title: string;
  /** What failed, expected and got. */
  readonly detail: string;
  /** What to try. */
  readonly help: string;
  /** Every mistake, where there are several. */
  readonly errors: string[];
  /** By which the server's log tells more. */
  readonly requestId: string | undefined;
  /** Seconds after which to try again, if the server said. */
  readonly retryAfterSecs: number | undefined;

  constructor(told: Told) {
    super(told.detail || told.title);
    this.name = 'ApiError';
    this.status = told.status ?? 0;
    this.code = told.code;
    this.title = told.title;
    this.detail = told.detail;
    this.help = told.help ?? '';
    this.errors = told.errors ?? [];
    this.requestId = told.requestId;
    this.retryAfterSecs = told.retryAfterSecs;
  }

  /** Whether the same request may be answered otherwise later. */
  get isTransient(): boolean {
    return [0, 408, 429, 502, 503, 504].includes(this.status) && this.code !== 'unexpected_answer';
  }
}

/** Of an answer whose status is no success; `body` is its JSON, if it has any. */
export function problemOf(response: Response, body: unknown): ApiError {
  const parsed = problemBody.safeParse(typeof body === 'string' ? parseJson(body) : body);
  const told = parsed.success ? parsed.data : undefined;
  const wait = Number(response.headers.get('retry-after'));
  return new ApiError({
    status: response.status,
    code: told?.code ?? `http_${response.status}`,
    title: told?.title || response.statusText || `Status ${response.status}`,
    detail: told?.detail || `the server answered with status ${response.status} and no explanation`,
    help: told?.help ?? 'try again; if it stays, ask the operator of the server',
    errors: told?.errors ?? [],
    requestId: response.headers.get('x-request-id') ?? undefined,
    retryAfterSecs: wait > 0 ? wait : undefined,
  });
}

/** Of a request without an answer. */
export function noAnswer(): ApiError {
  const offline = typeof navigator !== 'undefined' && navigator.onLine === false;
  return offline
    ? new ApiError({
        code: 'offline',
        title: 'You are offline',
        detail: 'this device has no connection',
        help: 'what was begun goes on when it is back',
      })
    : new ApiError({
        code: 'no_answer',
        title: 'The server does not answer',
        detail: 'the request got no answer',
        help: 'check the connection; the server may be starting again',
      });
}

/** Of an answer that is not what the document of the API promises. */
function unexpected(error: z.core.$ZodError): ApiError {
  const issues = error.issues.slice(0, 5);
  return new ApiError({
    code: 'unexpected_answer',
    title: 'The server gave an unexpected answer',
    detail: 'this page and the server are of different versions, or one of them has a bug',
    help: 'reload the page; if it stays, tell the operator of the server what stands below',
    errors: issues.map((issue) => `${issue.path.join('.') || 'answer'}: ${issue.message}`),
  });
}

/** Anything that was thrown, as an {@link ApiError}. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof z.core.$ZodError) return unexpected(error);
  const detail = error instanceof Error ? error.message : String(error);
  return new ApiError({ code: 'page', title: 'Something went wrong on this page', detail });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
