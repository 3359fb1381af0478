// Measures the time to the first token of a client that joins while two streams are running.
import { stream } from '../completions.ts';
import { type Contender, interleave, type Measurement, threadsVariant } from '../measurement.ts';
import { storyPrompts } from '../prompts.ts';
import { type Server, startServers } from '../subjects/server-process.ts';

const slots = 3;
const maxTokens = 128;

export const joiningStream: Measurement = {
  name: 'joining',
  description: 'first token of a stream that starts while two others run',
  metrics: [{ name: 'first token', unit: 'ms', better: 'lower' }],
  async run({ subjects, model, threads, rounds }) {
    await using started = await startServers(subjects, { model, threads, slots, contextSize: 512 });
    const contenders = started.servers.map(toContender);
    return await interleave(joiningStream, threadsVariant(threads), contenders, rounds);
  },
};

function toContender(server: Server): Contender {
  return {
    subject: server.subject,
    take: async (round) => {
      const [late = '', ...early] = storyPrompts(round).slice(0, slots);
      const running = early.map((prompt) => startStream(server, prompt));
      await Promise.all(running.map(({ started }) => started));
      const { startedAt, firstTokenAt } = await stream(server, { prompt: late, maxTokens: 1 });
      await Promise.all(running.map(({ ended }) => ended));
      return { 'first token': firstTokenAt - startedAt };
    },
  };
}

function startStream(server: Server, prompt: string): { started: Promise<unknown>; ended: Promise<unknown> } {
  const first = Promise.withResolvers<void>();
  const ended = stream(server, { prompt, maxTokens }, first.resolve);
  return { started: Promise.race([first.promise, ended]), ended };
}
