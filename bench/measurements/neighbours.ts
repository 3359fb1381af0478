// Measures decoding beside other processes that keep the processors busy, as on a small box: with the threads that this project
// chooses, and with fixed numbers of them.
import { spawn } from 'node:child_process';
import { stream } from '../completions.ts';
import { type Contender, interleave, type Measurement } from '../measurement.ts';
import { storyPrompt } from '../prompts.ts';
import { ggufLambda } from '../subjects/gguf-lambda.ts';
import { type Server, startServer } from '../subjects/server-process.ts';
import type { Subject } from '../subjects/subject.ts';

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
    await using stack = new AsyncDisposableStack();
    const start = async (subject: Subject, name: string, count = threads): Promise<Contender> =>
      toContender(stack.use(await startServer(subject, { ...settings, threads: count })), name);
    const contenders = [
      await start(adapting, ggufLambda.name),
      await start(ggufLambda, `${ggufLambda.name}, THREADS=1`, 1),
    ];
    if (peer !== undefined) {
      contenders.push(await start(peer, peer.name), await start(peer, `${peer.name}, 1 thread`, 1));
    }
    // Beside a neighbour it generates a token a second: a sample would take minutes.
    const fixed = await start(ggufLambda, `${ggufLambda.name}, THREADS=${threads}`);
    const samples = await interleave(neighbours, toVariant(0), [...contenders, fixed], rounds);
    for (let count = 1; count <= mostNeighbours; count += 1) {
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
