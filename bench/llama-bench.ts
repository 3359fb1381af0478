// Runs llama.cpp's own benchmark, which evaluates the same model without a server.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { LlamaBench } from './measurement.ts';
import type { BenchModel } from './subjects/subject.ts';

const run = promisify(execFile);

export function defineLlamaBench(program: string, { path }: BenchModel): LlamaBench {
  return async (tokens, threads) => {
    const options = {
      '--model': path,
      '--threads': threads,
      '--n-prompt': 'prompt' in tokens ? tokens.prompt : 0,
      '--n-gen': 'generated' in tokens ? tokens.generated : 0,
      // The same number of prompt tokens as the servers get.
      '--n-depth': 'generated' in tokens ? tokens.depth : 0,
      '--repetitions': 1,
      '--output': 'json',
    };
    const args = Object.entries(options).flatMap(([name, value]) => [name, String(value)]);
    const { stdout } = await run(program, args);
    const [result] = JSON.parse(stdout) as { avg_ts: number }[];
    if (result === undefined) throw new Error(`llama-bench printed no result: ${stdout}`);
    return result.avg_ts;
  };
}
