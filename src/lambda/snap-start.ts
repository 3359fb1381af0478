// Under SnapStart an environment is set up once, and every other one is restored from a snapshot of its memory. So more is
// done beforehand than elsewhere pays, and nothing that must differ between environments: ids, seeds and times are drawn
// by each invocation, and secrets are read by the first that needs them.
// https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html

import type { ModelService } from '../api/service.ts';
import type { Environment } from '../config/environment.ts';
import type { LlamaEngine } from '../engine/llama/llama-engine.ts';
import type { RequestContext } from '../generation/context.ts';
import { answerDirectInvoke } from '../http/direct-invoke.ts';
import { consoleLog } from '../telemetry/log.ts';

/** Whether a snapshot is taken when this environment is set up. */
export function isSnapshotted(env: Environment): boolean {
  return env.AWS_LAMBDA_INITIALIZATION_TYPE === 'snap-start';
}

/** Nothing of it is drawn: it is the same in every copy. */
const noRequest: RequestContext = {
  id: 'snap-start',
  receivedAt: new Date(0),
  seed: 0,
  coldStart: true,
  signal: new AbortController().signal,
  log: consoleLog,
};

/** Enough for V8 to compile what each token runs. */
const tokens = 32;

/**
 * Brings the weights into memory and the code into shape, by answering what is asked most, and takes the longest known
 * prefix from its snapshot.
 */
export async function prepareForSnapshot(service: ModelService, engine: LlamaEngine): Promise<void> {
  if (engine.slots === 0) return;
  const options = { model: service.model, max_tokens: tokens };
  // A context may be too small for it, or a template may want more: the function works all the same.
  const ask = (event: object) =>
    answerDirectInvoke({ ...event, ...options }, service, noRequest).catch(console.error);
  await ask({ prompt: 'Once upon a time' });
  if (service.chatTemplate) await ask({ messages: [{ role: 'user', content: 'Hello' }] });
  engine.resetPace();
  await engine.restoreLongestPrefix();
}
