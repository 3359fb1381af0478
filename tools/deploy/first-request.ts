// The first request to what was deployed, which shows that it works: over its Function URL, or else invoked directly.
import type { LambdaClient } from '@aws-sdk/client-lambda';
import { SecretApiKey } from '../../src/http/api-key.ts';
import { reasonOf } from '../store/errors.ts';
import { type Attempt, byInvoke, prompt, withKey, withSignature } from './completion-request.ts';
import { DeployError } from './errors.ts';
import type { Signing } from './sign-request.ts';
import type { Stack } from './stack.ts';

/** Seconds between the attempts. Permissions and names take up to a minute to be known everywhere. */
const pauses = [2, 4, 8, 16, 30];

/** Milliseconds that one attempt may take; the first loads the image and the model. */
const longestAttempt = 180_000;

interface FirstRequestOptions {
  readonly signing: Signing;
  readonly lambda: LambdaClient;
  readonly signal: AbortSignal;
  readonly delay: (milliseconds: number) => Promise<void>;
}

/** What was asked, and what came. */
export interface FirstAnswer {
  readonly prompt: string;
  readonly text: string;
  readonly seconds: number;
}

/**
 * Asks a stack for a completion, several times while it says that it is not ready.
 *
 * @throws {DeployError} `no-answer`, with the status and the body of the last attempt
 */
export async function askFirst(stack: Stack, options: FirstRequestOptions): Promise<FirstAnswer> {
  const attempt = await chooseAttempt(stack, options);
  for (let tried = 0; ; tried += 1) {
    const startedAt = performance.now();
    const outcome = await attempt(AbortSignal.any([options.signal, AbortSignal.timeout(longestAttempt)]));
    options.signal.throwIfAborted();
    if (outcome.kind === 'answered') {
      return { prompt, text: outcome.text, seconds: (performance.now() - startedAt) / 1000 };
    }
    const pause = pauses[tried];
    if (!outcome.isPassing || pause === undefined) {
      throw new DeployError(
        'no-answer',
        `${stack.name} is deployed, but has not answered: ${outcome.reason}`,
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
  const message = `${name} has neither the output StreamUrl nor CompletionFunction: there is nothing to ask.`;
  throw new DeployError('no-answer', message);
}

/** The key in a secret, as the functions read it. */
async function readKey(stack: string, arn: string): Promise<string> {
  let reason = '';
  const log = (error: Error) => {
    reason = reasonOf(error);
  };
  try {
    return await new SecretApiKey(arn, { log }).current();
  } catch (error) {
    const message = `${stack} is deployed, but cannot be asked: ${reason || reasonOf(error)}.`;
    throw new DeployError('no-answer', message, { cause: error });
  }
}
