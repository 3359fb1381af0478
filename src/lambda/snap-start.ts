// Under SnapStart, Lambda initialises one environment and restores all others from a snapshot of its memory.
// Initialisation therefore does extra work, and nothing that must differ between environments. Each
// invocation draws its own id, seed and time. The first request that needs a secret reads it.
// https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html

import type { ModelService } from '../api/service.ts';
import type { Environment } from '../config/environment.ts';
import type { LlamaEngine } from '../engine/llama/llama-engine.ts';
import type { RequestContext } from '../generation/context.ts';
import { answerDirectInvoke } from '../http/direct-invoke.ts';
import { consoleLog } from '../telemetry/log.ts';

/** Whether Lambda will snapshot this environment after its initialisation. */
export function isSnapshotted(env: Environment): boolean {
  return env.AWS_LAMBDA_INITIALIZATION_TYPE === 'snap-start';
}

/** A fixed context, because the snapshot copies it into every environment. */
const preparationContext: RequestContext = {
  id: 'snap-start',
  receivedAt: new Date(0),
  seed: 0,
  coldStart: true,
  signal: new AbortController().signal,
  log: consoleLog,
};

/** Enough generated tokens for V8 to compile the code that runs for each token. */
const maxTokens = 32;

/**
 * Prepares the environment for its snapshot: answers typical requests, which loads the weights into memory
 * and compiles the code, and restores the longest known prefix.
 */
export async function prepareForSnapshot(service: ModelService, engine: LlamaEngine): Promise<void> {
  if (engine.slots === 0) return;
  const options = { model: service.model, max_tokens: maxTokens };
  // A failure, such as a context that is too small, is only logged: the function still works.
  const ask = (event: object) =>
    answerDirectInvoke({ ...event, ...options }, service, preparationContext).catch(console.error);
  await ask({ prompt: 'Once upon a time' });
  if (service.chatTemplate) await ask({ messages: [{ role: 'user', content: 'Hello' }] });
  engine.resetPace();
  await engine.restoreLongestPrefix();
}
