// The front as a whole: emulator, queue and server, started and shut down together.
import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import type { FrontConfig } from './config.ts';
import { overtimeSeconds } from './emulator.ts';
import { SupervisorStoppedError } from './emulator-errors.ts';
import { Reaper } from './reaper.ts';
import { RuntimeLink } from './runtime-link.ts';
import { watchRuntime } from './runtime-watch.ts';
import { settlesWithin } from './settles-within.ts';
import { Supervisor } from './supervisor.ts';

/** A front that serves. */
export interface Front {
  /** Where it can be reached from this machine, without a path: `http://127.0.0.1:8000`. */
  readonly url: string;
  /** The emulator's process id while one runs; another one after each restart. */
  readonly emulatorPid: number | undefined;
  /** How many invocations wait for their turn. */
  readonly waiting: number;
  /** How many requests have no complete answer yet. */
  readonly answering: number;
  /** What the function has loaded, a line each. */
  readonly description: readonly string[];
  /** Rejects when the emulator cannot be brought up again; never settles otherwise. */
  readonly failure: Promise<never>;
  /**
   * Stops accepting, waits for what is being answered as long as the grace period allows, refuses the
   * ones that wait, and ends the emulator and all it started.
   */
  close(): Promise<void>;
}

/** The address cannot be listened on. */
class ListenError extends Error {
  override readonly name = 'ListenError';
}

const flushMilliseconds = 1_000;

/**
 * Starts the emulator, loads the function and listens. Requests that come before it is loaded wait for it.
 *
 * @param check - called while the emulator starts, before it loads the function. What it throws ends the start.
 * @param signal - gives up a start that has not finished, leaving no process behind
 * @throws {InitializationError} when the function does not load
 * @throws {ListenError} when the address cannot be listened on
 */
export async function startFront(
  config: FrontConfig,
  { check, signal }: { readonly check?: () => void; readonly signal?: AbortSignal } = {},
): Promise<Front> {
  const link = await RuntimeLink.open();
  // The kernel ends every process of a container with its first one.
  const reaper = process.pid === 1 ? undefined : new Reaper(link.path);
  const supervisor = new Supervisor(
    {
      path: config.emulatorPath,
      bootstrap: config.bootstrap,
      functionTimeoutSeconds: config.functionTimeoutSeconds,
      threads: config.threads,
      functionMegabytes: config.functionMegabytes,
    },
    link,
  );
  // Whatever ends this process, an uncaught error too, takes the emulator and the runtime with it. The reaper ends what was
  // just starting.
  const kill = () => {
    supervisor.kill();
    link.remove();
  };
  process.once('exit', kill);
  let stopWatching = () => {};
  const stopSupervisor = async () => {
    stopWatching();
    await supervisor.stop();
    link.remove();
    await reaper?.stop();
    process.off('exit', kill);
  };
  const abandon = () => void supervisor.stop();
  signal?.addEventListener('abort', abandon, { once: true });
  // The emulator takes about as long to start as the check, and then the function takes longer than all the rest.
  await supervisor.emulatorStarts;
  try {
    check?.();
  } catch (error) {
    await stopSupervisor();
    throw error;
  }
  await supervisor.functionLoads;
  const {
    createFrontServer,
    explain,
    HealthCheck,
    HeldBodies,
    InvocationQueue,
    nameCaller,
    passThrough,
    requestAdmission,
  } = await import('./serving.ts');
  const queue = new InvocationQueue({ limit: config.queueLimit, now: () => performance.now() });
  const source = {
    findRuntime: () => supervisor.findRuntime(),
    timeoutSeconds: config.functionTimeoutSeconds,
  };
  const toError = (error: unknown) => (supervisor.isStopping ? new SupervisorStoppedError() : error);
  /** What the runtime is asked, beside invocations. */
  const asked = new Set<Promise<unknown>>();
  const track = async <Answer>(answer: Promise<Answer>): Promise<Answer> => {
    asked.add(answer);
    try {
      return await answer;
    } catch (error) {
      throw toError(error);
    } finally {
      asked.delete(answer);
    }
  };
  const health = new HealthCheck(link, () => performance.now());
  const server = createFrontServer({
    queue,
    apiKey: config.apiKey,
    bodies: new HeldBodies(),
    playground: config.playground,
    callers: config.callers,
    admit: config.limitsCallers
      ? (headers, clientLeft) => track(requestAdmission(headers, clientLeft, source))
      : config.apiKey && nameCaller,
    invoke: (event, headers) => supervisor.invoke(event, headers),
    passThrough: (passed) =>
      track(
        passThrough(passed, {
          ...source,
          // The emulator ends a runtime that hangs first, so that its streams end with an error.
          lateSeconds: overtimeSeconds + 1,
          explain: (error) => explain(toError(error)),
        }),
      ),
    health,
  });

  try {
    stopWatching = watchRuntime(link, () => asked.size > 0 || queue.isRunning || health.isWaiting);
    await listen(server, config);
    await supervisor.ready();
    signal?.throwIfAborted();
  } catch (error) {
    server.close();
    server.closeAllConnections();
    await stopSupervisor();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abandon);
  }

  const close = async () => {
    const closed = once(server, 'close');
    server.close();
    queue.close();
    const idle = Promise.all([queue.whenIdle(), allSettled(asked)]);
    await settlesWithin(idle, config.shutdownGraceSeconds * 1000);
    await stopSupervisor();
    server.closeIdleConnections();
    // Answers that were just written may still be on their way.
    await settlesWithin(closed, flushMilliseconds);
    server.closeAllConnections();
    await closed;
  };
  let closing: Promise<void> | undefined;
  return {
    url: toUrl(server.address() as AddressInfo),
    get emulatorPid() {
      return supervisor.emulatorPid;
    },
    get waiting() {
      return queue.waiting;
    },
    get answering() {
      return asked.size + queue.waiting + (queue.isRunning ? 1 : 0);
    },
    get description() {
      return supervisor.description;
    },
    failure: supervisor.failure,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

async function listen(server: Server, { host, port }: FrontConfig): Promise<void> {
  try {
    await once(server.listen(port, host), 'listening');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new ListenError(
      `Cannot listen on ${host} port ${port}: ${toListenReason(code, port) ?? message}.`,
      {
        cause,
      },
    );
  }
}

function toListenReason(code: string | undefined, port: number): string | undefined {
  switch (code) {
    case 'EADDRINUSE':
      return `the port is in use. Set PORT to another one, such as PORT=${port + 1}`;
    case 'EACCES':
      return `only root may use it. Set PORT to one above 1023`;
    case 'ENOTFOUND':
    case 'EADDRNOTAVAIL':
      return 'this machine has no such address. Set HOST to one that it has, such as 127.0.0.1';
    default:
      return undefined;
  }
}

/** Resolves when a set is empty whose promises leave it as they settle. */
async function allSettled(promises: ReadonlySet<Promise<unknown>>): Promise<void> {
  while (promises.size > 0) await Promise.allSettled(promises);
}

/** A server on every address is reached on the loopback one. */
function toUrl({ address, port }: AddressInfo): string {
  if (address === '0.0.0.0' || address === '::') return `http://127.0.0.1:${port}`;
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
}
