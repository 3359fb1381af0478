// The front's process: `node src/startup/front.ts [<function>.handler]`, or infra/entry.sh outside Lambda.
import { join } from 'node:path';
import { readFrontConfig } from '../server/config.ts';
import { type Front, startFront } from '../server/front.ts';
import { findFunctionFault } from '../server/function-bundles.ts';
import { invokePath } from '../server/invoke-path.ts';
import { isLoopback } from '../server/loopback.ts';
import { assertUsable } from './settings-check.ts';
import { toStartMessage } from './start-message.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const signalNumbers = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;

/** npm sends a Ctrl-C on, which the terminal has sent to this process already. One that follows sooner is the same one. */
const repeatMilliseconds = 300;

/** The folder that holds `infra/` and `dist/`, two above this file: in `src/startup/`, and bundled in `dist/server/`. */
const root = join(import.meta.dirname, '../..');

/** Runs the front until a signal stops it, and gives the process's exit code. */
async function main(): Promise<number> {
  const stop = new AbortController();
  const stopped = Promise.withResolvers<void>();
  let front: Front | undefined;
  let graceSeconds = 0;
  let mayEndNow = false;
  for (const signal of signals) {
    process.on(signal, () => {
      // The second signal ends the process at once; its 'exit' kills the emulator and the runtime.
      if (mayEndNow) process.exit(128 + signalNumbers[signal]);
      if (stop.signal.aborted) return;
      stop.abort();
      setTimeout(() => {
        mayEndNow = true;
        const answering = front?.answering ?? 0;
        if (answering > 0) console.error(toStopMessage(answering, graceSeconds));
      }, repeatMilliseconds).unref();
      stopped.resolve();
    });
  }
  try {
    const handler = process.argv[2] ?? 'completion.handler';
    const config = readFrontConfig(process.env, { root, handler });
    graceSeconds = config.shutdownGraceSeconds;
    front = await startFront(config, {
      check: () => {
        // Whoever reads the log may leave, as `| head` does; that is no reason to stop serving. Here, because the emulator's
        // start does not wait for it.
        process.stdout.on('error', () => {});
        process.stderr.on('error', () => {});
        const fault = findFunctionFault(join(root, 'dist/functions'), handler);
        if (fault) throw new Error(fault);
        assertUsable(process.env, handler);
      },
      signal: stop.signal,
    });
    const { url, description } = front;
    // The key's name: a log must not contain the key.
    const keyName = process.env.API_KEY === undefined ? 'KEY' : '$API_KEY';
    console.log(
      toStartMessage({
        handler,
        url,
        invokePath,
        description,
        host: config.host,
        keyName: config.apiKey === undefined ? undefined : keyName,
      }),
    );
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

function toStopMessage(answering: number, seconds: number): string {
  const answers = answering === 1 ? 'one answer' : `${answering} answers`;
  return `gguf-lambda: stopping after ${answers} in progress, in ${seconds} s at most. Press Ctrl-C again to stop now.`;
}

// A stop that was asked for is a success: init systems and container engines take anything else for a crash.
process.exit(await main());
