// Sends one completion request to a deployed function, over HTTP or by a direct invoke.
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { reasonOf } from '../store/errors.ts';
import { type Signing, signRequest } from './sign-request.ts';

/** A prompt that even a small model completes. */
export const prompt = 'The capital of France is';

const body = JSON.stringify({ prompt, max_tokens: 8, temperature: 0, stream: false });
const contentType = { 'content-type': 'application/json' };

/** The result of one attempt. `isTransient` is true when another attempt may succeed. */
type Outcome =
  | { readonly kind: 'answered'; readonly text: string }
  | { readonly kind: 'failed'; readonly reason: string; readonly isTransient: boolean };

export type Attempt = (signal: AbortSignal) => Promise<Outcome>;

/** Creates an attempt that POSTs a request signed with the caller's credentials. */
export function withSignature(url: URL, signing: Signing): Attempt {
  const request = { method: 'POST', url, headers: contentType, body };
  return async (signal) => {
    const outcome = await post(url, await signRequest(request, signing), signal);
    if (outcome.kind === 'answered' || !outcome.reason.startsWith('403 ')) return outcome;
    const hint = 'The caller needs the permissions lambda:InvokeFunctionUrl and lambda:InvokeFunction.';
    return { ...outcome, reason: `${outcome.reason} ${hint}` };
  };
}

/** Creates an attempt that POSTs with a bearer key, or without one when `key` is undefined. */
export function withKey(url: URL, key: string | undefined): Attempt {
  const authorization = key === undefined ? {} : { authorization: `Bearer ${key}` };
  return (signal) => post(url, { ...contentType, ...authorization }, signal);
}

/** Creates an attempt that invokes a function or an alias. */
export function byInvoke(client: LambdaClient, functionName: string): Attempt {
  return async (signal) => {
    try {
      const command = new InvokeCommand({ FunctionName: functionName, Payload: body });
      const { FunctionError, Payload } = await client.send(command, { abortSignal: signal });
      const answer = Payload?.transformToString() ?? '';
      if (FunctionError === undefined) return toOutcome(200, answer);
      return { kind: 'failed', reason: `${FunctionError} error ${shorten(answer)}`, isTransient: false };
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

/** A request without a response. DNS may not know a new URL yet, so all but a timeout are transient. */
function toFailure(error: unknown): Outcome {
  const isTimeout = error instanceof Error && error.name === 'TimeoutError';
  return { kind: 'failed', reason: reasonOf(error), isTransient: !isTimeout };
}

function toOutcome(status: number, answer: string): Outcome {
  const text = status === 200 ? readText(answer) : undefined;
  if (text !== undefined) return { kind: 'answered', text };
  const isTransient = status === 403 || status === 429 || status >= 500;
  return { kind: 'failed', reason: `${status} ${shorten(answer)}`, isTransient };
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
