// From the start of the process to the first token, with the model's file in the system's cache.
import { invokePath } from '../../local/emulator.ts';
import { type Contender, interleave, type Measurement, threadsVariant } from '../measurement.ts';
import { completionsPath, startServer } from '../subjects/server-process.ts';
import type { ServerSettings, Subject } from '../subjects/subject.ts';

export const start: Measurement = {
  name: 'start',
  description: 'start of the process to the first token, with a warm file cache',
  metrics: [{ name: 'start', unit: 'ms', better: 'lower' }],
  async run({ subjects, model, threads, rounds }) {
    const settings = { model, threads, slots: 1, contextSize: 2048 };
    const [own, ...peers] = subjects;
    const contenders = [
      ...(own === undefined ? [] : [toContender(own, settings), toInvokeContender(own, settings)]),
      ...peers.map((peer) => toContender(peer, settings)),
    ];
    return await interleave(start, threadsVariant(threads), contenders, rounds);
  },
};

function toContender(subject: Subject, settings: ServerSettings, path = completionsPath): Contender {
  return {
    subject: subject.name,
    take: async () => {
      await using server = await startServer(subject, settings, path);
      return { start: server.firstCompletionMs };
    },
  };
}

/** The same project, asked through the emulator of AWS. */
function toInvokeContender(subject: Subject, settings: ServerSettings): Contender {
  return { ...toContender(subject, settings, invokePath), subject: `${subject.name}, invoke URL` };
}
