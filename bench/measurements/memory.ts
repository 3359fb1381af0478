// Measures the resident memory of the process that runs the model, minus the size of the model.
import { readdirSync, readFileSync } from 'node:fs';
import { complete } from '../completions.ts';
import { type Contender, interleave, type Measurement, threadsVariant } from '../measurement.ts';
import { storyPrompt } from '../prompts.ts';
import { onEmulator } from '../subjects/gguf-lambda.ts';
import { startServer } from '../subjects/server-process.ts';
import type { ServerSettings, Subject } from '../subjects/subject.ts';

export const memory: Measurement = {
  name: 'memory',
  description:
    'resident memory minus the size of the model, after a completion, with a context of 2,048 tokens',
  metrics: [
    { name: 'resident', unit: 'MB', better: 'lower', goal: { moreThan: 'llama-server', atMost: 60 } },
  ],
  async run({ subjects, model, threads, rounds }) {
    const settings = { model, threads, slots: 1, contextSize: 2048 };
    const contenders = [onEmulator, ...subjects.slice(1)].map((subject) => toContender(subject, settings));
    return await interleave(memory, threadsVariant(threads), contenders, rounds);
  },
};

function toContender(subject: Subject, settings: ServerSettings): Contender {
  return {
    subject: subject.name,
    take: async (round) => {
      await using server = await startServer(subject, settings);
      await complete(server, { prompt: storyPrompt(round), maxTokens: 32 });
      const resident = Math.max(...listTree(server.pid).map(residentBytes));
      return { resident: (resident - settings.model.bytes) / 1e6 };
    },
  };
}

/** Returns the ids of a process and all its descendants. */
function listTree(pid: number): number[] {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === pid)
    .map(Number);
  return [pid, ...children.flatMap(listTree)];
}

function parentOf(pid: string): number {
  return Number(readStatus(pid, 'PPid'));
}

function residentBytes(pid: number): number {
  return Number(readStatus(String(pid), 'VmRSS').split(' ')[0]) * 1024;
}

/** Returns a field of a process's status, or an empty text when the process has ended. */
function readStatus(pid: string, name: string): string {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
  } catch {
    return '';
  }
}
