// Measures an invocation through AWS's emulator: one token after a cached prompt, compared with an empty function.
import { fileURLToPath } from 'node:url';
import { complete } from '../completions.ts';
import { post } from '../http-client.ts';
import { type Contender, interleave, type Measurement, threadsVariant } from '../measurement.ts';
import { textOfTokens } from '../prompts.ts';
import { emulate, onEmulator } from '../subjects/gguf-lambda.ts';
import { type Server, startServer } from '../subjects/server-process.ts';
import type { Subject } from '../subjects/subject.ts';

/** An invocation takes a few milliseconds, so many samples are needed for a stable median. */
const samplesPerRound = 20;

const root = new URL('../../', import.meta.url);

const emptyFunction: Subject = {
  ...onEmulator,
  name: 'empty function',
  command: (_settings, port, sparePort) => ({
    ...emulate(
      [
        fileURLToPath(new URL('node_modules/.bin/node', root)),
        fileURLToPath(new URL('node_modules/aws-lambda-ric/index.mjs', root)),
        'empty-function.handler',
      ],
      port,
      sparePort,
    ),
    env: {
      _HANDLER: 'empty-function.handler',
      LAMBDA_TASK_ROOT: fileURLToPath(new URL('bench/subjects', root)),
    },
  }),
};

export const invoke: Measurement = {
  name: 'invoke',
  description: 'one token after a cached prompt, through the emulator',
  metrics: [
    {
      name: 'invocation',
      unit: 'ms',
      better: 'lower',
      goal: { moreThan: emptyFunction.name, atMost: 3 },
    },
  ],
  async run({ model, threads, rounds }) {
    const settings = { model, threads, slots: 1, contextSize: 2048 };
    await using own = await startServer(onEmulator, settings);
    await using empty = await startServer(emptyFunction, settings);
    const prompt = textOfTokens(33, 0);
    const contenders = [
      toContender(own, async () => (await complete(own, { prompt, maxTokens: 1 })).wallMs),
      toContender(empty, async () => {
        const { startedAt, endedAt } = await post(empty.url, { prompt, max_tokens: 1 });
        return endedAt - startedAt;
      }),
    ];
    return await interleave(invoke, threadsVariant(threads), contenders, rounds * samplesPerRound);
  },
};

function toContender({ subject }: Server, measure: () => Promise<number>): Contender {
  return { subject, take: async () => ({ invocation: await measure() }) };
}
