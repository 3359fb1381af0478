// Measures the time from the start of the process to the first token, with the model in the file cache and without.
import { execFileSync } from 'node:child_process';
import { type Contender, interleave, type Measurement, threadsVariant } from '../measurement.ts';
import { ggufLambda, invokeUrl, onEmulator } from '../subjects/gguf-lambda.ts';
import { startServer } from '../subjects/server-process.ts';
import type { ServerSettings, Subject } from '../subjects/subject.ts';

export const start: Measurement = {
  name: 'start',
  description: 'start of the process to the first token, through the emulator for this project',
  metrics: [
    { name: 'start', unit: 'ms', better: 'lower', goal: { timesOf: 'llama-server', atMost: 1 } },
    { name: 'cold file cache', unit: 'ms', better: 'lower', goal: { timesOf: 'llama-server', atMost: 1.1 } },
  ],
  async run({ subjects, model, threads, rounds }) {
    const settings = { model, threads, slots: 1, contextSize: 2048 };
    const [, ...peers] = subjects;
    const own = [onEmulator, invokeUrl, { ...ggufLambda, name: 'gguf-lambda, port 8000' }];
    const contenders = [...own, ...peers].map((subject) => toContender(subject, settings));
    return await interleave(start, threadsVariant(threads), contenders, rounds);
  },
};

function toContender(subject: Subject, settings: ServerSettings): Contender {
  const startOnce = async () => {
    await using server = await startServer(subject, settings);
    return server.firstCompletionMs;
  };
  return {
    subject: subject.name,
    take: async () => {
      const warm = await startOnce();
      dropFromCache(settings.model.path);
      return { start: warm, 'cold file cache': await startOnce() };
    },
  };
}

/** Removes a file from the system's file cache. */
function dropFromCache(path: string): void {
  execFileSync('dd', [`if=${path}`, 'iflag=nocache', 'count=0'], { stdio: 'ignore' });
}
