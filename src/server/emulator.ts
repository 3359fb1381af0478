// One process of AWS's Runtime Interface Emulator, from its start to its end, and the only client of it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type OutgoingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { PassThrough, type Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Threads } from '../config/cpu.ts';
import { RequestError } from '../errors/request-error.ts';
import { EmulatorExitedError, EmulatorMissingError } from './emulator-errors.ts';
import { endToEndHeaders, type HttpAnswer } from './http-answer.ts';
import { invokePath } from './invoke-path.ts';
import { canConnect, findFreePorts, loopback } from './loopback.ts';
import { frontSocketVariable } from './private-socket.ts';
import { killSession } from './process-session.ts';
import { readWhole } from './read-whole.ts';

export interface EmulatorOptions {
  readonly path: string;
  readonly bootstrap: readonly string[];
  readonly functionTimeoutSeconds: number;
  readonly threads: Threads;
  /** The path of the front's socket, to which the runtime connects. */
  readonly frontSocket: string;
  readonly functionMegabytes: number;
}

const standardError = 2;
const connectRetryMilliseconds = 1;
/** The emulator listens within a hundredth of a second, unless it is stopped. */
const listenSeconds = 30;
/**
 * The function ends its answers in time by itself. On a busy machine that may take a moment longer, and the emulator would end the
 * process, with the answers to all others.
 */
export const overtimeSeconds = 2;
/** The emulator ends a runtime that is late, and answers for it. */
const lateSeconds = 5;
const stopMilliseconds = 2_000;

/** A running emulator. It takes one invocation at a time: a second one at once would crash it. */
export class Emulator {
  readonly pid: number;
  /** Settles with how the process ended, once it and every process it started are gone. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  readonly #port: number;
  readonly #timeoutSeconds: number;
  #log: Readable | undefined;

  private constructor(child: ChildProcess & { pid: number }, port: number, timeoutSeconds: number) {
    this.#child = child;
    this.pid = child.pid;
    this.#port = port;
    this.#timeoutSeconds = timeoutSeconds;
    // Node throws away what nobody has read when a process ends.
    this.#log = child.stdout?.pipe(new PassThrough());
    this.ended = once(child, 'exit').then(async ([code, signal]: (string | number | null)[]) => {
      // An emulator that was killed leaves a runtime that works on until it next asks for an event.
      while (killSession(this.pid) > 0) await delay(1);
      return signal ? `it was ended by ${signal}` : `it exited with code ${code}`;
    });
  }

  /**
   * Starts the emulator on two free loopback ports, in a session of its own: a Ctrl-C in the terminal is
   * then the front's alone to handle. The function's log goes to standard error.
   *
   * @throws {EmulatorMissingError} when it cannot be run
   */
  static async start({
    path,
    bootstrap,
    functionTimeoutSeconds,
    threads,
    frontSocket,
    functionMegabytes,
  }: EmulatorOptions): Promise<Emulator> {
    const [port, runtimeApiPort] = await findFreePorts();
    const addresses = [
      ['--runtime-interface-emulator-address', `${loopback}:${port}`],
      ['--runtime-api-address', `${loopback}:${runtimeApiPort}`],
    ];
    const child = spawn(path, ['--log-level', 'warn', ...addresses.flat(), ...bootstrap], {
      detached: true,
      stdio: ['ignore', 'pipe', standardError],
      env: {
        ...process.env,
        AWS_LAMBDA_FUNCTION_TIMEOUT: String(functionTimeoutSeconds + overtimeSeconds),
        FUNCTION_TIMEOUT: String(functionTimeoutSeconds),
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(functionMegabytes),
        [threads.adapts ? 'MAX_THREADS' : 'THREADS']: String(threads.count),
        [frontSocketVariable]: frontSocket,
      },
    });
    try {
      await once(child, 'spawn');
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new EmulatorMissingError(`The Runtime Interface Emulator cannot be run: ${reason}`, { cause });
    }
    return new Emulator(child as ChildProcess & { pid: number }, port, functionTimeoutSeconds);
  }

  /**
   * Waits until the emulator takes connections.
   *
   * @throws {EmulatorExitedError} when it ends before that, or takes longer than 30 seconds
   */
  async waitUntilListening(): Promise<void> {
    let exit: string | undefined;
    void this.ended.then((how) => {
      exit = how;
    });
    // A start would wait the three milliseconds that Node takes to load `performance`.
    const endsAt = process.uptime() + listenSeconds;
    while (!(await canConnect(this.#port))) {
      if (process.uptime() > endsAt) exit = `it does not listen after ${listenSeconds} seconds`;
      if (exit) {
        this.#passLog();
        throw new EmulatorExitedError(`The emulator did not start: ${exit}.`, { delivered: false });
      }
      await delay(connectRetryMilliseconds);
    }
  }

  /**
   * Hands an event to the function, which is loaded for it. Over a bare socket: a start would wait the 15 milliseconds that Node takes to
   * load its HTTP client.
   *
   * @param sent - called when the event is on its way
   * @throws {EmulatorExitedError} when the emulator ends before it answers, or is late
   */
  load(event: Uint8Array, sent: () => void): Promise<Pick<HttpAnswer, 'status' | 'body'>> {
    const { promise, resolve, reject } = Promise.withResolvers<Pick<HttpAnswer, 'status' | 'body'>>();
    const pieces: Buffer[] = [];
    const socket = connect(this.#port, loopback);
    const late = setTimeout(() => socket.destroy(), (this.#timeoutSeconds + lateSeconds) * 1000);
    // Its answer to HTTP/1.0 ends with the connection, and is in one piece.
    socket.write(`POST ${invokePath} HTTP/1.0\r\nContent-Length: ${event.byteLength}\r\n\r\n`);
    socket.write(event, () => {
      sent();
      this.#passLog();
    });
    socket.on('error', () => {});
    socket.on('data', (piece) => pieces.push(piece));
    socket.once('close', () => {
      clearTimeout(late);
      const answer = Buffer.concat(pieces);
      const [, status] = /^HTTP\/1\.\d (\d{3}) /.exec(answer.toString('latin1')) ?? [];
      const head = answer.indexOf('\r\n\r\n');
      if (status === undefined || head === -1)
        reject(new EmulatorExitedError('The emulator did not answer.', { delivered: true }));
      else resolve({ status: Number(status), body: answer.subarray(head + 4) });
    });
    return promise;
  }

  /**
   * Hands an event to the function and takes the whole answer, so that a slow client never holds it up.
   *
   * @throws {EmulatorExitedError} when the emulator ends before it answers
   * @throws {RequestError} `deadline_exceeded` five seconds after the function's timeout
   */
  invoke(event: Uint8Array, headers: OutgoingHttpHeaders = {}): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      let delivered = false;
      const late = AbortSignal.timeout((this.#timeoutSeconds + lateSeconds) * 1000);
      const fail = (cause: unknown) =>
        reject(
          late.aborted
            ? new RequestError('deadline_exceeded', 'The emulator did not answer in time.')
            : new EmulatorExitedError('The emulator did not answer.', { delivered, cause }),
        );
      const outgoing = request({
        host: loopback,
        port: this.#port,
        method: 'POST',
        path: invokePath,
        // No connection is kept: one that was left by an emulator now dead would fail the next invocation.
        agent: false,
        signal: late,
        headers: { 'content-type': 'application/json', ...headers, 'content-length': event.byteLength },
      });
      outgoing.once('socket', (socket) =>
        socket.once('connect', () => {
          delivered = true;
        }),
      );
      outgoing.once('error', fail);
      outgoing.once('response', (incoming) => {
        readWhole(incoming).then(
          (body) =>
            resolve({
              status: incoming.statusCode ?? 502,
              headers: endToEndHeaders(incoming.headers),
              body,
            }),
          fail,
        );
      });
      outgoing.end(event);
    });
  }

  /** Passes the log on from now. What has been written waits for it. */
  #passLog(): void {
    const log = this.#log;
    this.#log = undefined;
    if (log) void import('./emulator-log.ts').then(({ passLog }) => passLog(log));
  }

  /** Ends the emulator and all it started. It takes its runtime with it when asked with SIGTERM. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.kill(), stopMilliseconds);
    await this.ended;
    clearTimeout(timer);
  }

  /** Kills the emulator and all it started, without a chance to end well. */
  kill(): void {
    killSession(this.pid);
  }
}
