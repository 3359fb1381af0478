// One attempt at a completion of a deployed function: by HTTP or by a direct invoke.
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { reasonOf } from '../store/errors.ts';
import { type Signing, signPost } from './sign-request.ts';

/** A question that every model has an answer to. */
export const prompt = 'The capital of France is';

const body = JSON.stringify({ prompt, max_tokens: 8, temperature: 0, stream: false });
const contentType = { 'content-type': 'application/json' };

/** What one attempt came to. `isPassing` says whether another may succeed. */
type Outcome =
  | { readonly kind: 'answered'; readonly text: string }
  | { readonly kind: 'failed'; readonly reason: string; readonly isPassing: boolean };

/** Makes the attempt. */
export type Attempt = (signal: AbortSignal) => Promise<Outcome>;

/** POSTs with a signature of the caller's credentials. */
export function withSignature(url: URL, signing: Signing): Attempt {
  return async (signal) => {
    const outcome = await post(url, await signPost(url, contentType, body, signing), signal);
    if (outcome.kind === 'answered' || !outcome.reason.startsWith('403 ')) return outcome;
    const hint = 'A caller needs lambda:InvokeFunctionUrl and lambda:InvokeFunction.';
    return { ...outcome, reason: `${outcome.reason} ${hint}` };
  };
}

/** POSTs with a bearer key, where there is one. */
export function withKey(url: URL, key: string | undefined): Attempt {
  const authorization = key === undefined ? {} : { authorization: `Bearer ${key}` };
  return (signal) => post(url, { ...contentType, ...authorization }, signal);
}

/** Invokes a function, or an alias of one. */
export function byInvoke(client: LambdaClient, functionName: string): Attempt {
  return async (signal) => {
    try {
      const command = new InvokeCommand({ FunctionName: functionName, Payload: body });
      const { FunctionError, Payload } = await client.send(command, { abortSignal: signal });
      const answer = Payload?.transformToString() ?? '';
      if (FunctionError === undefined) return toOutcome(200, answer);
      return { kind: 'failed', reason: `${FunctionError} error ${shorten(answer)}`, isPassing: false };
    } catch (error) {
      const { httpStatusCode } = (error as { $metadata?: { httpStatusCode?: number } }).$metadata ?? {};
      if (httpStatusCode === undefined) return toFailure(error);
      return toOutcome(httpStatusCode, reasonOf(error));
    }
  };
}

async function post(
  url: URL,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    const response = await fetch(url, { method: 'POST', headers, body, signal });
    return toOutcome(response.status, await response.text());
  } catch (error) {
    return toFailure(error);
  }
}

/** No answer at all. The name of a new URL may not be known yet; who has waited long need not wait again. */
function toFailure(error: unknown): Outcome {
  const isTimeout = error instanceof Error && error.name === 'TimeoutError';
  return { kind: 'failed', reason: reasonOf(error), isPassing: !isTimeout };
}

function toOutcome(status: number, answer: string): Outcome {
  const text = status === 200 ? readText(answer) : undefined;
  if (text !== undefined) return { kind: 'answered', text };
  const isPassing = status === 403 || status === 429 || status >= 500;
  return { kind: 'failed', reason: `${status} ${shorten(answer)}`, isPassing };
}

function readText(answer: string): string | undefined {
  try {
    const { choices } = JSON.parse(answer) as { choices?: readonly { text?: unknown }[] };
    const text = choices?.[0]?.text;
    return typeof text === 'string' ? text : undefined;
  } catch {
    return undefined;
  }
}

function shorten(answer: string): string {
  return answer.length > 500 ? `${answer.slice(0, 500)}…` : answer;
}
