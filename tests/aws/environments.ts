// Execution environments of one function. Each is a real runtime process that takes one invocation at a time and is
// replaced when it crashes.
import type { RuntimeProcess } from '../model/runtime-process.ts';
import { startRuntimeProcess } from '../model/runtime-process.ts';
import type { FunctionAnswer } from './moto.ts';

export class Environments {
  readonly #functionName: string;
  readonly #env: () => NodeJS.ProcessEnv;
  readonly #free: (RuntimeProcess | undefined)[];
  readonly #waiting: ((environment: RuntimeProcess | undefined) => void)[] = [];
  readonly #busy = new Set<RuntimeProcess>();
  /** Number of invocations so far. */
  invocations = 0;
  /** Number of crashed environments. */
  crashes = 0;

  constructor(functionName: string, count: number, env: () => NodeJS.ProcessEnv) {
    this.#functionName = functionName;
    this.#env = env;
    this.#free = Array.from({ length: count }, () => undefined);
  }

  /** Waits for a free environment, starts it if needed, and sends it the event. */
  readonly invoke = async (event: unknown): Promise<FunctionAnswer> => {
    let environment: RuntimeProcess | undefined =
      this.#free.length > 0
        ? this.#free.shift()
        : await new Promise((resolve) => this.#waiting.push(resolve));
    environment ??= await startRuntimeProcess(this.#functionName, this.#env());
    this.#busy.add(environment);
    this.invocations += 1;
    try {
      const { path, body } = await environment.invoke(event);
      this.#release(environment);
      return { payload: body, failed: path.endsWith('/error') };
    } catch {
      await environment.end();
      this.crashes += 1;
      this.#busy.delete(environment);
      this.#release(undefined);
      // Lambda's report of a crash.
      const payload = {
        errorType: 'Runtime.ExitError',
        errorMessage: 'Error: Runtime exited without providing a reason',
      };
      return { payload: JSON.stringify(payload), failed: true };
    }
  };

  /** Kills a busy environment. */
  async killOne(): Promise<void> {
    const [environment] = this.#busy;
    if (environment === undefined) throw new Error('No environment is busy.');
    await environment.end();
  }

  async end(): Promise<void> {
    for (const environment of [...this.#free, ...this.#busy]) await environment?.end();
  }

  #release(environment: RuntimeProcess | undefined): void {
    if (environment !== undefined) this.#busy.delete(environment);
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(environment);
    else next(environment);
  }
}
