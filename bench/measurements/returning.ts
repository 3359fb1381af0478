// Measures the first token of a chat that returns after the process that held it has ended: its state from a folder, from an
// S3 server on this machine, or evaluated again.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Chat, type ChatMessage } from '../chat.ts';
import { type Contender, interleave, type Measurement, threadsVariant } from '../measurement.ts';
import { startObjectServer } from '../object-server.ts';
import { textOfTokens } from '../prompts.ts';
import { makeRandomModel } from '../random-model/random-model.ts';
import { ggufLambda, withVariables } from '../subjects/gguf-lambda.ts';
import { startServer } from '../subjects/server-process.ts';
import type { ServerSettings, Subject } from '../subjects/subject.ts';

const chatTokens = 2_000;
const answerTokens = 100;
/** Of the answer that is waited for: its first tokens may have no text. */
const fewTokens = 8;
const questionTokens = 60;
const contextSize = 4096;
const evaluated = 'evaluated';
const cache = fileURLToPath(new URL('../../.cache/bench', import.meta.url));

const ofModel = 'first token after a restart';
const of1b = `${ofModel}, 1B`;

export const returning: Measurement = {
  name: 'returning',
  description: `first token of a chat of ${chatTokens} tokens after a restart; 1B is random weights of Llama 3.2 1B's shape`,
  metrics: [
    { name: ofModel, unit: 'ms', better: 'lower', goal: { timesOf: evaluated, atMost: 0.35 } },
    { name: of1b, unit: 'ms', better: 'lower', goal: { timesOf: evaluated, atMost: 0.15 } },
  ],
  async run({ model, threads, rounds }) {
    const folder = mkdtempSync(join(tmpdir(), 'gguf-lambda-bench-'));
    try {
      await using objects = await startObjectServer();
      // The first is compared with the others.
      const subjects = [
        withVariables(ggufLambda.name, { CACHE_DIR: folder }),
        withVariables('gguf-lambda, CACHE_BUCKET', { ...objects.env, CACHE_BUCKET: 'states' }),
        { ...ggufLambda, name: evaluated },
      ];
      const samples = [];
      for (const [metric, ofThis] of [
        [ofModel, model],
        [of1b, await makeRandomModel('random-1b-q4_0', cache, model)],
      ] as const) {
        const settings = { model: ofThis, threads, slots: 1, contextSize };
        const contenders: Contender[] = [];
        for (const subject of subjects) contenders.push(await toContender(subject, settings, metric));
        samples.push(...(await interleave(returning, threadsVariant(threads), contenders, rounds)));
      }
      return samples;
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

/** Holds the first turn of a chat with a process that ends. Each sample is the second turn with a new process. */
async function toContender(subject: Subject, settings: ServerSettings, metric: string): Promise<Contender> {
  const messages = await beginChat(subject, settings);
  return {
    subject: subject.name,
    take: async (round) => {
      await using server = await startServer(subject, settings);
      const chat = new Chat(server, { model: settings.model.name, answerTokens: fewTokens }, messages);
      return { [metric]: await chat.ask(textOfTokens(questionTokens, round)) };
    },
  };
}

async function beginChat(subject: Subject, settings: ServerSettings): Promise<readonly ChatMessage[]> {
  await using server = await startServer(subject, settings);
  const chat = new Chat(server, { model: settings.model.name, answerTokens });
  await chat.ask(textOfTokens(chatTokens - answerTokens, 0));
  return chat.messages;
}
