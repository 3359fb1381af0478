// Measures the guesses of LOOKUP_TOKENS: answers that quote and stories, greedy and not, one and several at a time, small and large.
import { fileURLToPath } from 'node:url';
import { stream } from '../completions.ts';
import { type Contender, interleave, type Measurement, type Sample, threadsVariant } from '../measurement.ts';
import { storyPrompt, storyPrompts } from '../prompts.ts';
import { makeRandomModel } from '../random-model/random-model.ts';
import { ggufLambda, withVariables } from '../subjects/gguf-lambda.ts';
import { type Server, startServer } from '../subjects/server-process.ts';
import type { ServerSettings, Subject } from '../subjects/subject.ts';

const without = 'no guesses';
const cache = fileURLToPath(new URL('../../.cache/bench', import.meta.url));

/** This project with several lengths of guesses. The first is the default, which is compared with the others. */
const subjects: readonly Subject[] = [
  withVariables(ggufLambda.name, { LOOKUP_TOKENS: '8' }),
  withVariables('gguf-lambda, LOOKUP_TOKENS=4', { LOOKUP_TOKENS: '4' }),
  withVariables(without, { LOOKUP_TOKENS: '0' }),
];

/** Prompts of a round. Their answers are generated at the same time. */
type ToPrompts = (round: number) => readonly string[];

interface Scene {
  readonly name: string;
  readonly toPrompts: ToPrompts;
  readonly maxTokens: number;
}

const quote: Scene = {
  name: 'an answer that quotes',
  toPrompts: (round) => [quotingPrompt(round)],
  maxTokens: 96,
};
const story: Scene = {
  name: 'a story',
  toPrompts: (round) => [storyPrompt(round)],
  maxTokens: 96,
};
const stories: Scene = {
  name: 'four stories',
  toPrompts: (round) => storyPrompts(round).slice(0, 4),
  maxTokens: 96,
};
const shortStory: Scene = { ...story, name: 'a story of a 1B model', maxTokens: 32 };

/** Returns a prompt whose continuation repeats it. */
function quotingPrompt(round: number): string {
  const rows = Array.from(
    { length: 6 },
    (_, row) => `order ${round * 10 + row}: 3 lamps, 2 chairs, paid by card;`,
  );
  return `${rows.join(' ')} Once more, word for word: ${rows.join(' ')} Once more, word for word:`;
}

export const lookup: Measurement = {
  name: 'lookup',
  description: "one stream and four, with and without guesses; 1B is random weights of Llama 3.2 1B's shape",
  metrics: [{ name: 'decode', unit: 'tokens/s', better: 'higher', goal: { timesOf: without, atLeast: 1 } }],
  async run({ model, threads, rounds }) {
    const settings = { model, threads, slots: 1, contextSize: 1024 };
    const large = await makeRandomModel('random-1b-q4_0', cache, model);
    return [
      ...(await measure([quote, story], settings, rounds)),
      ...(threads === 1 ? [] : await measure([quote, story], { ...settings, threads: 1 }, rounds)),
      ...(await measure([stories], { ...settings, slots: 4 }, rounds)),
      ...(await measure([shortStory], { ...settings, model: large }, rounds)),
    ];
  },
};

async function measure(
  scenes: readonly Scene[],
  settings: ServerSettings,
  rounds: number,
): Promise<readonly Sample[]> {
  await using stack = new AsyncDisposableStack();
  const servers: Server[] = [];
  for (const subject of subjects) servers.push(stack.use(await startServer(subject, settings)));
  const samples: Sample[] = [];
  for (const scene of scenes) {
    for (const temperature of [0, 1]) {
      const contenders = servers.map((server) => toContender(server, scene, temperature));
      const where = `${scene.name}, temperature ${temperature}, ${threadsVariant(settings.threads)}`;
      samples.push(...(await interleave(lookup, where, contenders, rounds)));
    }
  }
  return samples;
}

function toContender(server: Server, { toPrompts, maxTokens }: Scene, temperature: number): Contender {
  return {
    subject: server.subject,
    take: async (round) => {
      const prompts = toPrompts(Math.max(0, round));
      const streams = await Promise.all(
        prompts.map((prompt) => stream(server, { prompt, maxTokens, temperature })),
      );
      const firstTokenAt = Math.min(...streams.map((one) => one.firstTokenAt));
      const lastTokenAt = Math.max(...streams.map((one) => one.lastTokenAt));
      const tokens = streams.reduce((sum, { completionTokens }) => sum + completionTokens - 1, 0);
      return { decode: (tokens * 1000) / (lastTokenAt - firstTokenAt) };
    },
  };
}
