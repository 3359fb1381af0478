// Measures the private memory of all processes of a server, after one way in was used and after both.
import { invokePath } from '../../src/server/invoke-path.ts';
import { complete } from '../completions.ts';
import { type Contender, interleave, type Measurement, threadsVariant } from '../measurement.ts';
import { privateBytes } from '../process-memory.ts';
import { storyPrompt } from '../prompts.ts';
import { ggufLambda } from '../subjects/gguf-lambda.ts';
import { completionsPath, startServer } from '../subjects/server-process.ts';
import type { ServerSettings, Subject } from '../subjects/subject.ts';

export const memory: Measurement = {
  name: 'memory',
  description:
    'anonymous memory of all processes after a completion by each way in, with a context of 2,048 tokens',
  metrics: [
    { name: 'private', unit: 'MB', better: 'lower', goal: { moreThan: 'llama-server', atMost: 60 } },
    { name: 'both ways in, of one alone', unit: 'private', better: 'lower', goal: { atMost: 1.05 } },
  ],
  async run({ subjects, model, threads, rounds }) {
    const settings = { model, threads, slots: 1, contextSize: 2048 };
    const contenders = subjects.map((subject) => toContender(subject, settings));
    return await interleave(memory, threadsVariant(threads), contenders, rounds);
  },
};

function toContender(subject: Subject, settings: ServerSettings): Contender {
  return {
    subject: subject.name,
    take: async (round) => {
      await using server = await startServer(subject, settings);
      const ask = (url: string) => complete({ url }, { prompt: storyPrompt(round), maxTokens: 32 });
      await ask(server.url);
      const oneWay = privateBytes(server.pid);
      if (subject.name !== ggufLambda.name) return { private: oneWay / 1e6 };
      await ask(server.url.replace(completionsPath, invokePath));
      const bothWays = privateBytes(server.pid);
      return { private: bothWays / 1e6, 'both ways in, of one alone': bothWays / oneWay };
    },
  };
}
