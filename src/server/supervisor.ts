// Keeps one emulator with a loaded function at hand: starts it, warms it up, and replaces it when it dies.
//
// What RIE does, measured with aws-lambda-rie of aws-sam-cli 1.170.0 and aws-lambda-ric 4.0.2:
// - the runtime dies during an invocation: 502 Runtime.ExitError, and the next invocation starts a new one;
// - the runtime dies between invocations: the next one is answered 502 without reaching any runtime;
// - an invocation times out: 200 "Task timed out after 5.00 seconds", the runtime is killed with SIGKILL, and
//   the next invocation starts a new one;
// - the function's import fails: 502 with the runtime's errorType and errorMessage, to every invocation;
// - RIE is killed with SIGKILL: its runtime lives until it next asks for an event;
// - RIE gets SIGTERM: it kills its runtime and exits, also in the middle of an invocation.
import type { OutgoingHttpHeaders } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { Emulator, type EmulatorOptions } from './emulator.ts';
import {
  EmulatorExitedError,
  EmulatorMissingError,
  InitializationError,
  RuntimeExitedError,
  SupervisorStoppedError,
} from './emulator-errors.ts';
import type { HttpAnswer } from './http-answer.ts';
import { isLiving } from './process-session.ts';
import type { Runtime, RuntimeLink } from './runtime-link.ts';
import { describeInitFailure, isWarm, runtimeHasEnded, warmUpEvent } from './warm-up.ts';

const maximumFailures = 5;
const retryMilliseconds = 100;
const connectMilliseconds = 10_000;
/** For what a runtime still writes: a state of a conversation takes a second in a bucket. */
const drainMilliseconds = 5_000;

/** An emulator that is started again when it ends, or when its runtime ends. */
export class Supervisor {
  readonly #options: Omit<EmulatorOptions, 'frontSocket'>;
  readonly #link: RuntimeLink;
  readonly #stopping = new AbortController();
  readonly #failure = Promise.withResolvers<never>();
  readonly #emulatorStarts = Promise.withResolvers<void>();
  readonly #functionLoads = Promise.withResolvers<void>();
  #emulator: Emulator | undefined;
  #isInvoking = false;
  #warm: Promise<Emulator>;
  #wasWarm = false;

  constructor(options: Omit<EmulatorOptions, 'frontSocket'>, link: RuntimeLink) {
    this.#options = options;
    this.#link = link;
    link.onLoss = () => this.#replaceLost();
    this.#failure.promise.catch(() => {});
    this.#warm = this.#prepare(() => this.#start());
  }

  /** The process id of the emulator, while there is one. */
  get emulatorPid(): number | undefined {
    return this.#emulator?.pid;
  }

  /** Resolves as soon as the first emulator's process runs, or cannot. It does not load the function yet. */
  get emulatorStarts(): Promise<void> {
    return this.#emulatorStarts.promise;
  }

  /** Resolves as soon as the first emulator is asked to load the function, or cannot be. */
  get functionLoads(): Promise<void> {
    return this.#functionLoads.promise;
  }

  /** Settles when the function is loaded. */
  async ready(): Promise<void> {
    await this.#warm;
  }

  /**
   * The runtime, as soon as it can answer. One that has ended is being replaced.
   *
   * @throws {InitializationError} and others, when it cannot be brought up again
   * @throws {SupervisorStoppedError} when `stop` or `kill` was called
   */
  async findRuntime(): Promise<Runtime> {
    if (this.#stopping.signal.aborted) throw new SupervisorStoppedError();
    // Whatever keeps the function from being loaded again is told to those who wait for it.
    return this.#link.runtime ?? Promise.race([this.#link.next(), this.#warm.then(() => this.#link.next())]);
  }

  /** What the runtime has loaded, a line each. */
  get description(): readonly string[] {
    return this.#link.runtime?.description ?? [];
  }

  /** Whether `stop` or `kill` was called. */
  get isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** Rejects when the emulator cannot be brought up again; never settles otherwise. */
  get failure(): Promise<never> {
    return this.#failure.promise;
  }

  /**
   * Hands an event to the function as soon as it is loaded. An event that never reached an emulator goes
   * to the next one.
   *
   * @throws {EmulatorExitedError} when the emulator ended with the event in its hands
   * @throws {SupervisorStoppedError} when `stop` or `kill` was called before it answered
   */
  async invoke(event: Uint8Array, headers: OutgoingHttpHeaders): Promise<HttpAnswer> {
    try {
      for (;;) {
        const answer = await this.#tryInvoke(event, headers);
        if (answer) return answer;
      }
    } catch (error) {
      throw this.#stopping.signal.aborted ? new SupervisorStoppedError() : error;
    }
  }

  /** One try of `invoke`; `undefined` when the event reached nobody. */
  async #tryInvoke(event: Uint8Array, headers: OutgoingHttpHeaders): Promise<HttpAnswer | undefined> {
    this.#stopping.signal.throwIfAborted();
    const emulator = await this.#warm;
    if (!this.#hasRuntime()) {
      this.#replace(emulator);
      return undefined;
    }
    try {
      const answer = await this.#invoke(() => emulator.invoke(event, headers));
      // Loaded again at once, so that the next caller waits less, or not at all.
      if (runtimeHasEnded(answer) && this.#emulator === emulator)
        this.#warm = this.#prepare(() => this.#warmUpAgain(emulator));
      // It ended after its answer.
      else if (!this.#hasRuntime()) this.#replace(emulator);
      return answer;
    } catch (error) {
      this.#replace(emulator);
      if (error instanceof EmulatorExitedError && !error.delivered) return undefined;
      throw error;
    }
  }

  /** Ends the emulator and everything it started. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#link.close(new SupervisorStoppedError());
    await this.#link.drain(drainMilliseconds);
    await this.#emulator?.stop();
    await this.#warm.catch(() => {});
  }

  /** Kills the emulator and everything it started, before it returns. */
  kill(): void {
    this.#stopping.abort();
    this.#emulator?.kill();
  }

  #hasRuntime(): boolean {
    const { runtime } = this.#link;
    return runtime !== undefined && isLiving(runtime.pid);
  }

  /** Replaces what has lost its runtime, but while an invocation runs: the emulator then answers for that, and starts another. */
  #replaceLost(): void {
    if (this.#isInvoking || this.#stopping.signal.aborted || this.#emulator === undefined) return;
    console.error('gguf-lambda: the runtime ended; another one is being started.');
    this.#replace(this.#emulator);
  }

  async #invoke<Answer>(invoke: () => Promise<Answer>): Promise<Answer> {
    this.#isInvoking = true;
    try {
      return await invoke();
    } finally {
      this.#isInvoking = false;
    }
  }

  #replace(emulator: Emulator): void {
    if (this.#emulator !== emulator || this.#stopping.signal.aborted) return;
    this.#emulator = undefined;
    this.#warm = this.#prepare(async () => {
      emulator.kill();
      await emulator.ended;
      return this.#start();
    });
  }

  /** Makes a rejection known to whoever watches `failure`, not only to the next invocation. */
  #prepare(warm: () => Promise<Emulator>): Promise<Emulator> {
    const promise = warm();
    promise.catch((error) => {
      this.#functionLoads.resolve();
      this.#failure.reject(error);
    });
    return promise;
  }

  async #start(): Promise<Emulator> {
    for (let failures = 1; ; failures += 1) {
      let emulator: Emulator | undefined;
      try {
        emulator = await this.#launch();
        this.#stopping.signal.throwIfAborted();
        await emulator.waitUntilListening();
        await this.#warmUp(emulator);
        this.#replaceAtEnd(emulator);
        return emulator;
      } catch (error) {
        const isOvertaken = emulator !== undefined && emulator !== this.#emulator;
        emulator?.kill();
        await emulator?.ended;
        this.#stopping.signal.throwIfAborted();
        // It was replaced while it started, so another one is on its way.
        if (isOvertaken) return this.#warm;
        const isHopeless =
          error instanceof EmulatorMissingError || (error instanceof InitializationError && !this.#wasWarm);
        if (isHopeless || failures === maximumFailures) throw error;
        const reason = error instanceof Error ? error.message : String(error);
        console.error(`gguf-lambda: start ${failures} of ${maximumFailures} failed: ${reason}`);
        await delay(retryMilliseconds * failures, undefined, { signal: this.#stopping.signal });
      }
    }
  }

  async #launch(): Promise<Emulator> {
    this.#stopping.signal.throwIfAborted();
    const starting = Emulator.start({ ...this.#options, frontSocket: this.#link.path });
    this.#emulator = await starting.finally(this.#emulatorStarts.resolve);
    return this.#emulator;
  }

  #replaceAtEnd(emulator: Emulator): void {
    void emulator.ended.then((how) => {
      if (!this.#stopping.signal.aborted) console.error(`gguf-lambda: the emulator ended: ${how}.`);
      this.#replace(emulator);
    });
  }

  async #warmUp(emulator: Emulator): Promise<void> {
    const answer = await this.#invoke(() => emulator.load(warmUpEvent, this.#functionLoads.resolve));
    if (!isWarm(answer)) {
      throw new InitializationError(`The function did not load: ${describeInitFailure(answer)}`);
    }
    // It has loaded what it answers with, and needs no more than a moment.
    await this.#connected(emulator);
    this.#wasWarm = true;
  }

  async #warmUpAgain(emulator: Emulator): Promise<Emulator> {
    try {
      await this.#warmUp(emulator);
      return emulator;
    } catch {
      this.#stopping.signal.throwIfAborted();
      // Does nothing when the emulator's end was noticed first; either way another one is on its way.
      this.#replace(emulator);
      return this.#warm;
    }
  }

  /** @throws {RuntimeExitedError} when the process that has loaded the function does not connect, or its emulator ends before */
  async #connected(emulator: Emulator): Promise<void> {
    const timer = new AbortController();
    const fail = (reason: string) => {
      throw new RuntimeExitedError(`The function was loaded, but ${reason}.`, { delivered: true });
    };
    const late = delay(connectMilliseconds, undefined, { signal: timer.signal }).then(() =>
      fail('its process did not connect to the front'),
    );
    const ended = emulator.ended.then((how) => fail(`the emulator ended: ${how}`));
    try {
      await Promise.race([this.#link.next(), late, ended]);
    } finally {
      timer.abort();
      late.catch(() => {});
      ended.catch(() => {});
    }
  }
}
