// Starts a subject as a process on a free port, and stops it.
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { findFreePorts, loopback } from '../../src/server/loopback.ts';
import { HttpStatusError, post } from '../http-client.ts';
import type { ServerCommand, ServerSettings, Subject } from './subject.ts';

/** A subject that has answered its first completion. */
export interface Server extends AsyncDisposable {
  readonly subject: string;
  /** URL of its completions. */
  readonly url: string;
  readonly pid: number;
  /** Milliseconds from before the start of the process to its first generated token. */
  readonly firstCompletionMs: number;
}

export const completionsPath = '/v1/completions';

const retryMilliseconds = 5;
const startMilliseconds = 120_000;
const stopMilliseconds = 15_000;
const outputCharacters = 4_000;

const running = new Set<ChildProcess>();
// No server may outlive this process.
process.on('exit', () => {
  for (const child of running) child.kill('SIGTERM');
});

/**
 * Starts a subject and requests a token until it generates one. If the process exits later, its last output is printed
 * to stderr.
 *
 * @throws {Error} with the output of the process, when it exits or does not answer within two minutes
 */
export async function startServer(subject: Subject, settings: ServerSettings): Promise<Server> {
  const [port, sparePort] = await findFreePorts();
  const url = `http://${loopback}:${port}${subject.completionsPath ?? completionsPath}`;
  const startedAt = performance.now();
  const program = run(subject.command(settings, port, sparePort));
  try {
    while (!(await answers(url, settings.firstPrompt))) {
      if (program.end !== undefined) throw new Error(program.end);
      if (performance.now() - startedAt > startMilliseconds)
        throw new Error(`no completion within ${startMilliseconds / 1000} s`);
      await delay(retryMilliseconds);
    }
  } catch (error) {
    await program.stop();
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${subject.name} did not start: ${reason}\n${program.output}`, { cause: error });
  }
  const firstCompletionMs = performance.now() - startedAt;

  // Without this line, a later request would only report a failed connection.
  const reportExit = () =>
    process.stderr.write(`bench: ${subject.name} exited early: ${program.end}\n${program.output}\n`);
  let isStopping = false;
  void program.ended.then(() => isStopping || reportExit());
  return {
    subject: subject.name,
    url,
    pid: program.pid,
    firstCompletionMs,
    [Symbol.asyncDispose]: () => {
      isStopping = true;
      return program.stop();
    },
  };
}

interface Program {
  readonly pid: number;
  /** The last 4,000 characters of stdout and stderr. */
  readonly output: string;
  /** Describes how it ended; undefined while it runs. */
  readonly end: string | undefined;
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

function run({ program, args, env }: ServerCommand): Program {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  let output = '';
  let end: string | undefined;
  const finish = (how: string) => {
    end = how;
    running.delete(child);
    resolve();
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output = `${output}${chunk}`.slice(-outputCharacters);
    });
  }
  child.once('error', ({ message }) => finish(message));
  child.once('exit', (code, signal) => finish(`it exited with ${signal ?? `exit code ${code}`}`));
  return {
    pid: child.pid ?? -1,
    get output() {
      return output;
    },
    get end() {
      return end;
    },
    ended,
    stop: async () => {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), stopMilliseconds);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** Starts several subjects one after another. If one fails, stops the others. */
export async function startServers(
  subjects: readonly Subject[],
  settings: ServerSettings,
): Promise<AsyncDisposable & { readonly servers: readonly Server[] }> {
  await using stack = new AsyncDisposableStack();
  const servers: Server[] = [];
  for (const subject of subjects) servers.push(stack.use(await startServer(subject, settings)));
  const kept = stack.move();
  return { servers, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Requests one token. Returns false while the server does not listen yet or loads its model. */
export async function answers(url: string, prompt = 'The capital of France is'): Promise<boolean> {
  try {
    await post(url, { prompt, max_tokens: 1, temperature: 0 });
    return true;
  } catch (error) {
    const isLoading = error instanceof HttpStatusError && error.status === 503;
    // The server does not listen yet, or the connection reached a socket that only tested the port.
    const { code } = error as NodeJS.ErrnoException;
    if (isLoading || code === 'ECONNREFUSED' || code === 'ECONNRESET') return false;
    throw error;
  }
}
