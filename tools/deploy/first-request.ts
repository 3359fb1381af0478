// Checks a deployment by its first request: over the Function URL if there is one, otherwise by a direct invoke.
import type { LambdaClient } from '@aws-sdk/client-lambda';
import { SecretApiKey } from '../../src/http/api-key.ts';
import { reasonOf } from '../store/errors.ts';
import { type Attempt, byInvoke, prompt, withKey, withSignature } from './completion-request.ts';
import { DeployError } from './errors.ts';
import type { Signing } from './sign-request.ts';
import type { Stack } from './stack.ts';

/** Seconds between attempts. New permissions and DNS names take up to a minute to propagate. */
const pauses = [2, 4, 8, 16, 30];

/** Milliseconds for one attempt; the first one loads the image and the model. */
const attemptTimeout = 180_000;

interface FirstRequestOptions {
  readonly signing: Signing;
  readonly lambda: LambdaClient;
  readonly signal: AbortSignal;
  readonly delay: (milliseconds: number) => Promise<void>;
}

export interface FirstCompletion {
  readonly prompt: string;
  readonly text: string;
  readonly seconds: number;
}

/**
 * Requests a completion from a stack, with up to five more attempts after transient failures.
 *
 * @throws {DeployError} `no-answer`, with the status and the body of the last attempt
 */
export async function requestFirstCompletion(
  stack: Stack,
  options: FirstRequestOptions,
): Promise<FirstCompletion> {
  const attempt = await chooseAttempt(stack, options);
  for (let tried = 0; ; tried += 1) {
    const startedAt = performance.now();
    const outcome = await attempt(AbortSignal.any([options.signal, AbortSignal.timeout(attemptTimeout)]));
    options.signal.throwIfAborted();
    if (outcome.kind === 'answered') {
      return { prompt, text: outcome.text, seconds: (performance.now() - startedAt) / 1000 };
    }
    const pause = pauses[tried];
    if (!outcome.isTransient || pause === undefined) {
      throw new DeployError(
        'no-answer',
        `${stack.name} is deployed, but its first request failed: ${outcome.reason}`,
      );
    }
    await options.delay(pause * 1000);
  }
}

async function chooseAttempt(
  { name, outputs }: Stack,
  { signing, lambda }: FirstRequestOptions,
): Promise<Attempt> {
  const { StreamUrl, StreamAuth, ApiKeySecretArn, CompletionFunction } = outputs;
  if (StreamUrl !== undefined) {
    const url = new URL('v1/completions', StreamUrl);
    if (StreamAuth === 'AWS_IAM') return withSignature(url, signing);
    return withKey(url, ApiKeySecretArn ? await readKey(name, ApiKeySecretArn) : undefined);
  }
  if (CompletionFunction !== undefined) return byInvoke(lambda, CompletionFunction);
  const message = `${name} has neither of the outputs StreamUrl and CompletionFunction, so no request can be sent.`;
  throw new DeployError('no-answer', message);
}

/** Reads the API key from its secret with the same code as the functions. */
async function readKey(stack: string, arn: string): Promise<string> {
  let reason = '';
  const log = (error: Error) => {
    reason = reasonOf(error);
  };
  try {
    const [key = ''] = await new SecretApiKey(arn, { log }).current();
    return key;
  } catch (error) {
    const message = `${stack} is deployed, but its API key cannot be read: ${reason || reasonOf(error)}.`;
    throw new DeployError('no-answer', message, { cause: error });
  }
}
