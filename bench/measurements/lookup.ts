// Measures prompt lookup decoding: an answer that quotes its prompt, and one that does not.
import { stream } from '../completions.ts';
import { type Contender, interleave, type Measurement, type Sample, threadsVariant } from '../measurement.ts';
import { storyPrompt } from '../prompts.ts';
import { ggufLambda } from '../subjects/gguf-lambda.ts';
import { type Server, startServer } from '../subjects/server-process.ts';
import type { Subject } from '../subjects/subject.ts';

const maxTokens = 96;
const lookupTokens = 4;

const withLookup: Subject = {
  ...ggufLambda,
  name: `gguf-lambda, LOOKUP_TOKENS=${lookupTokens}`,
  command: (settings, port, sparePort) => {
    const command = ggufLambda.command(settings, port, sparePort);
    return { ...command, env: { ...command.env, LOOKUP_TOKENS: String(lookupTokens) } };
  },
};

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
  description: `one stream of ${maxTokens} tokens, with and without prompt lookup`,
  metrics: [{ name: 'decode', unit: 'tokens/s', better: 'higher' }],
  async run({ model, threads, rounds }) {
    const settings = { model, threads, slots: 1, contextSize: 1024 };
    await using plain = await startServer(ggufLambda, settings);
    await using other = await startServer(withLookup, settings);
    const samples: Sample[] = [];
    for (const [variant, toPrompt] of [
      ['an answer that quotes', quotingPrompt],
      ['a story', storyPrompt],
    ] as const) {
      const contenders = [plain, other].map((server) => toContender(server, toPrompt));
      const where = `${variant}, ${threadsVariant(threads)}`;
      samples.push(...(await interleave(lookup, where, contenders, rounds)));
    }
    return samples;
  },
};

function toContender(server: Server, toPrompt: (round: number) => string): Contender {
  return {
    subject: server.subject,
    take: async (round) => {
      const answer = await stream(server, { prompt: toPrompt(Math.max(0, round)), maxTokens });
      const { firstTokenAt, lastTokenAt, completionTokens } = answer;
      return { decode: ((completionTokens - 1) * 1000) / (lastTokenAt - firstTokenAt) };
    },
  };
}
