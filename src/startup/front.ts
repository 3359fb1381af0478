// The front's process: `node src/startup/front.ts [<function>.handler]`, or infra/entry.sh outside Lambda.
import { join } from 'node:path';
import { readFrontConfig } from '../server/config.ts';
import { invokePath } from '../server/emulator.ts';
import { type Front, startFront } from '../server/front.ts';
import { findFunctionFault } from '../server/function-bundles.ts';
import { assertUsable } from './settings-check.ts';

const example = '{"prompt": "The capital of France is", "max_tokens": 8, "temperature": 0}';
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const signalNumbers = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;

/** The folder that holds `infra/` and `dist/`, two above this file: in `src/startup/`, and bundled in `dist/server/`. */
const root = join(import.meta.dirname, '../..');

/** Whether only this machine can reach an address. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/** Runs the front until a signal stops it, and gives the process's exit code. */
async function main(): Promise<number> {
  const stop = new AbortController();
  const stopped = Promise.withResolvers<void>();
  let front: Front | undefined;
  for (const signal of signals) {
    process.on(signal, () => {
      // The second signal ends the process at once; its 'exit' kills the emulator and the runtime.
      if (stop.signal.aborted) process.exit(128 + signalNumbers[signal]);
      stop.abort();
      stopped.resolve();
    });
  }
  // Whoever reads the log may leave, as `| head` does; that is no reason to stop serving.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});

  try {
    const handler = process.argv[2] ?? 'completion.handler';
    const fault = findFunctionFault(join(root, 'dist/functions'), handler);
    if (fault) throw new Error(fault);
    assertUsable(process.env, handler);
    const config = readFrontConfig(process.env, { root, handler });
    front = await startFront(config, stop.signal);
    const url = `${front.url}${invokePath}`;
    console.log(`gguf-lambda: ${handler} answers at ${url}`);
    // By its name: the key itself is not to stand in a log.
    const keyName = process.env.API_KEY === undefined ? 'KEY' : '$API_KEY';
    const key = config.apiKey === undefined ? '' : ` -H "authorization: Bearer ${keyName}"`;
    console.log(`  curl -s ${url}${key} -d '${example}'`);
    console.log(`gguf-lambda: an OpenAI base URL is ${front.url}/v1`);
    if (config.apiKey === undefined && !isLoopback(config.host)) {
      console.error(
        `gguf-lambda: anyone who reaches ${config.host} can call it: set API_KEY to ask for a key`,
      );
    }
    await Promise.race([stopped.promise, front.failure]);
    return 0;
  } catch (error) {
    if (stop.signal.aborted) return 0;
    console.error(`gguf-lambda: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    await front?.close();
  }
}

// A stop that was asked for is a success: init systems and container engines take anything else for a crash.
process.exit(await main());
