/**
 * The generated functions, set up: every request carries a token that holds, a refused token is renewed once, every
 * failure is an {@link ApiError}, every answer is checked against the document of the API.
 */

import { accessToken } from '../state/session';
import { client } from './generated/client.gen';
import { asApiError, noAnswer, problemOf } from './problem';

/** `fetch` with the user's token; for what is no JSON too: downloads, streams. */
export async function authorisedFetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init);
  const token = await accessToken();
  // a body can be sent once: the copy is for the second attempt
  const answer = await send(request.clone(), token);
  if (answer.status !== 401) return answer;
  return send(request, await accessToken(token));
}

async function send(request: Request, token: string): Promise<Response> {
  request.headers.set('authorization', `Bearer ${token}`);
  try {
    return await fetch(request);
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw noAnswer();
  }
}

/** An answer that succeeded, or the problem as an error. */
export async function expectOk(answer: Response): Promise<Response> {
  if (!answer.ok) throw problemOf(answer, await answer.text());
  return answer;
}

/** To be called once, before the first request. */
export function setUpClient() {
  // whole addresses: outside of browsers a path alone is none
  client.setConfig({ baseUrl: location.origin, fetch: authorisedFetch });
  client.interceptors.error.use((error, response) => {
    if (response && !response.ok) return problemOf(response, error);
    return isAbort(error) ? error : asApiError(error);
  });
}

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}
