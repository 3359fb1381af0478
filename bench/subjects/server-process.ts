// Starts a subject as a process of its own, on a free port, and ends it.
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { findFreePorts, loopback } from '../../src/server/loopback.ts';
import { HttpStatusError, post } from '../http-client.ts';
import type { ServerCommand, ServerSettings, Subject } from './subject.ts';

/** A subject that has answered its first completion. */
export interface Server extends AsyncDisposable {
  readonly subject: string;
  /** Where it takes completions. */
  readonly url: string;
  /** Of the process that was started. */
  readonly pid: number;
  /** From before the process was started to the first token that it generated. */
  readonly firstCompletionMs: number;
}

export const completionsPath = '/v1/completions';

const retryMilliseconds = 5;
const startMilliseconds = 120_000;
const stopMilliseconds = 15_000;
const outputCharacters = 4_000;

const running = new Set<ChildProcess>();
// Whatever ends this process takes the servers with it.
process.on('exit', () => {
  for (const child of running) child.kill('SIGTERM');
});

/**
 * Starts a subject and asks it for one token until it gives one. When it ends later by itself, standard
 * error tells what it printed.
 *
 * @throws {Error} with what it printed, when it ends or does not answer within two minutes
 */
export async function startServer(subject: Subject, settings: ServerSettings): Promise<Server> {
  const [port, sparePort] = await findFreePorts();
  const url = `http://${loopback}:${port}${subject.completionsPath ?? completionsPath}`;
  const startedAt = performance.now();
  const program = run(subject.command(settings, port, sparePort));
  try {
    while (!(await answers(url, settings.firstPrompt))) {
      if (program.end !== undefined) throw new Error(program.end);
      if (performance.now() - startedAt > startMilliseconds) throw new Error('it took too long');
      await delay(retryMilliseconds);
    }
  } catch (error) {
    await program.stop();
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${subject.name} did not start: ${reason}\n${program.output}`, { cause: error });
  }
  const firstCompletionMs = performance.now() - startedAt;

  // Whoever asks it something then only sees a connection that fails.
  const tell = () =>
    process.stderr.write(`bench: ${subject.name} is gone: ${program.end}\n${program.output}\n`);
  let isStopping = false;
  void program.ended.then(() => isStopping || tell());
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

/** A running program. */
interface Program {
  readonly pid: number;
  /** The last that it printed. */
  readonly output: string;
  /** How it ended, if it has. */
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
  child.once('exit', (code, signal) => finish(`it ended with ${signal ?? `exit code ${code}`}`));
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

/** Starts several subjects, one after the other; none is left when one fails. */
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

/** Whether a completion was given; not yet while nobody listens or the model is being loaded. */
export async function answers(url: string, prompt = 'The capital of France is'): Promise<boolean> {
  try {
    await post(url, { prompt, max_tokens: 1, temperature: 0 });
    return true;
  } catch (error) {
    const isLoading = error instanceof HttpStatusError && error.status === 503;
    // Nobody listens yet, or the port was only tried and let go again.
    const { code } = error as NodeJS.ErrnoException;
    if (isLoading || code === 'ECONNREFUSED' || code === 'ECONNRESET') return false;
    throw error;
  }
}
