// Measures decoding beside other processes that keep the processors busy, as on a small box: with the threads that this project
// chooses, and with each fixed number of them.
import { spawn } from 'node:child_process';
import { stream } from '../completions.ts';
import { type Contender, interleave, type Measurement, type Sample } from '../measurement.ts';
import { storyPrompt } from '../prompts.ts';
import { ggufLambda } from '../subjects/gguf-lambda.ts';
import { type Server, startServer } from '../subjects/server-process.ts';
import type { ServerSettings, Subject } from '../subjects/subject.ts';

const maxTokens = 96;
const mostNeighbours = 2;

export const neighbours: Measurement = {
  name: 'neighbours',
  description: `one stream of ${maxTokens} tokens beside processes that keep a processor busy each`,
  metrics: [
    { name: 'decode', unit: 'tokens/s', better: 'higher', goal: { timesOf: 'llama-server', atLeast: 1 } },
  ],
  async run({ subjects, model, threads, rounds }) {
    const settings = { model, threads, slots: 1, contextSize: 512 };
    const peer = subjects.find(({ name }) => name === 'llama-server');
    const counts = [...new Set([1, threads])];
    await using stack = new AsyncDisposableStack();
    const contenders: Contender[] = [];
    const add = async (subject: Subject, name: string, changed: Partial<ServerSettings> = {}) => {
      const server = stack.use(await startServer(subject, { ...settings, ...changed }));
      contenders.push(toContender(server, name));
    };
    await add(adapting, ggufLambda.name);
    for (const count of counts)
      await add(ggufLambda, `${ggufLambda.name}, THREADS=${count}`, { threads: count });
    if (peer !== undefined) {
      await add(peer, peer.name);
      await add(peer, `${peer.name}, 1 thread`, { threads: 1 });
    }
    const samples: Sample[] = [];
    for (let count = 0; count <= mostNeighbours; count += 1) {
      using _busy = keepBusy(count);
      samples.push(...(await interleave(neighbours, toVariant(count), contenders, rounds)));
    }
    return samples;
  },
};

/** This project, as it chooses the threads of each step by itself. */
const adapting: Subject = {
  ...ggufLambda,
  command: (settings, port, sparePort) => {
    const command = ggufLambda.command(settings, port, sparePort);
    return { ...command, env: { ...command.env, THREADS: '', MAX_THREADS: String(settings.threads) } };
  },
};

function toVariant(count: number): string {
  return ['no neighbour', 'one busy neighbour', 'two busy neighbours'][count] ?? `${count} busy neighbours`;
}

/** Starts processes that do nothing but count. */
function keepBusy(count: number): Disposable {
  const processes = Array.from({ length: count }, () =>
    spawn(process.execPath, ['--eval', 'for (;;);'], { stdio: 'ignore' }),
  );
  return {
    [Symbol.dispose]: () => {
      for (const each of processes) each.kill('SIGKILL');
    },
  };
}

function toContender(server: Server, subject: string): Contender {
  return {
    subject,
    take: async (round) => {
      const { firstTokenAt, lastTokenAt, completionTokens } = await stream(server, {
        prompt: storyPrompt(round),
        maxTokens,
      });
      return { decode: ((completionTokens - 1) * 1000) / (lastTokenAt - firstTokenAt) };
    },
  };
}
