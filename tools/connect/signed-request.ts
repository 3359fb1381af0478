// Sends one signed request to a Function URL, and signs it again when the credentials turn out to have expired.
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { text } from 'node:stream/consumers';
import type { defaultProvider } from '@aws-sdk/credential-provider-node';
import { type DeployError, toDeployError } from '../deploy/errors.ts';
import { type Signing, signRequest } from '../deploy/sign-request.ts';
import type { PrivateUrl } from './private-url.ts';

/** The credentials' source. `forceRefresh` asks it for new ones. */
type CredentialSource = ReturnType<typeof defaultProvider>;

export interface Target extends PrivateUrl {
  readonly credentials: CredentialSource;
  readonly sha256: Signing['sha256'];
}

export interface PassedRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly signal: AbortSignal;
}

/** The permissions that a caller of a Function URL needs. */
const actions = 'lambda:InvokeFunctionUrl and lambda:InvokeFunction';

/**
 * Sends a request and returns its answer, whose body is still to be read.
 *
 * @throws {DeployError} when there are no credentials, or AWS refuses them
 * @throws when the URL cannot be reached
 */
export async function sendSigned(request: PassedRequest, target: Target): Promise<IncomingMessage> {
  const first = await sendOnce(request, target, false);
  if (first.statusCode !== 403) return first;
  // The function itself never answers 403.
  const refusal = await readRefusal(first);
  if (refusal.code !== 'expired-credentials') throw refusal;
  const second = await sendOnce(request, target, true);
  if (second.statusCode !== 403) return second;
  throw await readRefusal(second);
}

async function sendOnce(
  request: PassedRequest,
  { region, credentials, sha256 }: Target,
  forceRefresh: boolean,
): Promise<IncomingMessage> {
  const identity = await credentials({ forceRefresh }).catch((error: unknown) => {
    throw toDeployError(error, actions);
  });
  return send(request, await signRequest(request, { region, credentials: identity, sha256 }));
}

/** Has no keep-alive: a connection that AWS closes at the same moment would fail a request. */
function send(
  { method, url, body, signal }: PassedRequest,
  headers: Readonly<Record<string, string>>,
): Promise<IncomingMessage> {
  const start = url.protocol === 'http:' ? requestHttp : requestHttps;
  return new Promise((resolve, reject) => {
    start(url, { method, headers, signal, agent: false })
      .on('response', resolve)
      .on('error', reject)
      .end(body);
  });
}

/** The names of AWS's errors, by what their messages say. */
const errorNames: readonly [RegExp, string][] = [
  [/token.*expired/i, 'ExpiredTokenException'],
  [/token.*invalid/i, 'UnrecognizedClientException'],
  [/signature/i, 'InvalidSignatureException'],
];

/** Reads AWS's reason from a 403. */
async function readRefusal(answer: IncomingMessage): Promise<DeployError> {
  const body = await text(answer);
  const message = toMessage(body);
  const [named = ''] = String(answer.headers['x-amzn-errortype'] ?? '').split(':');
  const found = errorNames.find(([pattern]) => pattern.test(message))?.[1];
  const name = found ?? (named || 'AccessDeniedException');
  const error = Object.assign(new Error(message), { name, $metadata: { httpStatusCode: 403 } });
  return toDeployError(error, actions);
}

function toMessage(body: string): string {
  try {
    const { Message, message = Message } = JSON.parse(body) as { Message?: unknown; message?: unknown };
    if (typeof message === 'string') return message;
  } catch {
    // Not JSON: the body itself is the reason.
  }
  return body.slice(0, 500);
}
