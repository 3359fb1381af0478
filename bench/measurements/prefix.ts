// Measures the first token of a new process with a fixed prompt prefix of 1,000 tokens.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Contender, interleave, type Measurement, threadsVariant } from '../measurement.ts';
import { textOfTokens } from '../prompts.ts';
import { onEmulator } from '../subjects/gguf-lambda.ts';
import { startServer } from '../subjects/server-process.ts';
import type { ServerSettings, Subject } from '../subjects/subject.ts';

const prefixTokens = 1_000;
const without = 'gguf-lambda, without prefix';
const cli = fileURLToPath(new URL('../../tools/model/cli.ts', import.meta.url));

export const prefix: Measurement = {
  name: 'prefix',
  description: `start of the process to the first token after a fixed prefix of ${prefixTokens} tokens`,
  metrics: [{ name: 'first token', unit: 'ms', better: 'lower', goal: { moreThan: without, atMost: 60 } }],
  async run({ subjects, model, threads, rounds }) {
    const folder = mkdtempSync(join(tmpdir(), 'gguf-lambda-bench-'));
    try {
      const fixed = textOfTokens(prefixTokens, 0);
      writeFileSync(join(folder, 'fixed.txt'), fixed);
      const prefixes = join(folder, 'snapshots');
      execFileSync(
        process.execPath,
        [cli, 'prefixes', '--model', model.directory, '--from', folder, '--to', prefixes],
        { stdio: ['ignore', 2, 2] },
      );
      const rest = ' The capital of France is';
      const settings = { model, threads, slots: 1, contextSize: 2048, prefixes };
      const long = { ...settings, firstPrompt: fixed + rest };
      const contenders = [
        toContender(onEmulator, long),
        toContender({ ...onEmulator, name: without }, { ...settings, firstPrompt: rest }),
        ...subjects.slice(1).map((peer) => toContender(peer, long)),
      ];
      return await interleave(prefix, threadsVariant(threads), contenders, rounds);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

function toContender(subject: Subject, settings: ServerSettings): Contender {
  return {
    subject: subject.name,
    take: async () => {
      await using server = await startServer(subject, settings);
      return { 'first token': server.firstCompletionMs };
    },
  };
}
