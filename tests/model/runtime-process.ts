// Starts what Lambda starts: the image's entry, with aws-lambda-ric, against a Runtime API of the tests' own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { endWithTests } from '../child-processes.ts';
import { type Post, runtimeVariables, startRuntimeApi } from '../runtime-api.ts';

const entry = fileURLToPath(new URL('../../infra/entry.sh', import.meta.url));

export interface RuntimeProcess {
  /** Sends an event; resolves with what the runtime posts for it, and throws with its output when it ends before. */
  invoke(event: unknown, headers?: Readonly<Record<string, string>>): Promise<Post>;
  readonly pid: number | undefined;
  /** How many of its threads wait for an event. */
  readonly asking: number;
  /** What it has printed until now. */
  readonly output: string;
  end(): Promise<void>;
}

/** Starts a function's runtime. The first invocation waits until the model is loaded. */
export async function startRuntimeProcess(
  functionName: string,
  env: NodeJS.ProcessEnv = {},
): Promise<RuntimeProcess> {
  const api = await startRuntimeApi();
  const child = spawn(entry, [`${functionName}.handler`], {
    env: { ...process.env, ...runtimeVariables(api, functionName), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  endWithTests(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk));
  const closed = once(child, 'close');
  const ended = closed.then(([code]) => {
    throw new Error(`The runtime ended with exit code ${code}: ${output}`);
  });
  ended.catch(() => {});
  return {
    invoke: (event, headers) => Promise.race([api.invoke(event, headers), ended]),
    pid: child.pid,
    get asking() {
      return api.asking;
    },
    get output() {
      return output;
    },
    end: async () => {
      child.kill('SIGKILL');
      await closed;
      api.close();
    },
  };
}
