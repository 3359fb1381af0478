// The front's end of the private socket: which runtime there is, and when it has ended.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Agent } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { frontSocketName, runtimeSocket } from './private-socket.ts';
import { settlesWithin } from './settles-within.ts';

/** A process that has loaded the function and answers HTTP. */
export interface Runtime {
  readonly pid: number;
  /** What it has loaded, a line each. */
  readonly description: readonly string[];
  /** The path of its socket. */
  readonly socket: string;
  /** Keeps connections to it. */
  readonly agent: Agent;
  /** Resolves as soon as its JavaScript runs. It does not while the process is stopped, and never once that has ended. */
  readonly ping: () => Promise<void>;
}

/** No directory for the private socket can be written to. */
class SocketDirectoryError extends Error {
  override readonly name = 'SocketDirectoryError';
}

const pingByte = '.';

interface Waiting {
  readonly resolve: (runtime: Runtime) => void;
  readonly reject: (reason: unknown) => void;
}

/** Takes the connection of each runtime, one after the other. */
export class RuntimeLink {
  /** The path of the front's socket, which the runtime is told by its environment. */
  readonly path: string;
  /** Called when the runtime has ended. */
  onLoss: () => void = () => {};
  readonly #server: Server;
  readonly #waiting: Waiting[] = [];
  readonly #connections = new Set<Socket>();
  #runtime: Runtime | undefined;
  #closed: { readonly reason: unknown } | undefined;

  private constructor(path: string, server: Server) {
    this.path = path;
    this.#server = server;
    server.on('connection', (connection) => this.#take(connection));
  }

  /**
   * Listens in a new directory of mode 0700.
   *
   * @param parents - where the directory may be made; the first one that can be written to is taken. A read-only container has
   * /dev/shm, though it may have no /tmp.
   * @throws {SocketDirectoryError} when there is none
   */
  static async open(parents: readonly string[] = [tmpdir(), '/dev/shm']): Promise<RuntimeLink> {
    const reasons: string[] = [];
    for (const parent of parents) {
      let directory: string | undefined;
      try {
        directory = mkdtempSync(join(parent, 'gguf-lambda-'));
        const path = join(directory, frontSocketName);
        const server = createServer();
        await once(server.listen(path), 'listening');
        return new RuntimeLink(path, server);
      } catch (error) {
        if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
        reasons.push(error instanceof Error ? error.message : String(error));
      }
    }
    throw new SocketDirectoryError(
      `No directory for a private socket can be written to: ${reasons.join('; ')}. Set TMPDIR to one, or run the container with --tmpfs /tmp.`,
    );
  }

  /** The runtime, unless it has ended or does not answer yet. */
  get runtime(): Runtime | undefined {
    return this.#runtime;
  }

  /** Resolves with the runtime as soon as it can answer. Rejects with the reason that `close` was called with. */
  next(): Promise<Runtime> {
    return new Promise((resolve, reject) => {
      if (this.#runtime !== undefined) resolve(this.#runtime);
      else if (this.#closed) reject(this.#closed.reason);
      else this.#waiting.push({ resolve, reject });
    });
  }

  /** Rejects whoever waits for a runtime. */
  close(reason: unknown): void {
    this.#closed ??= { reason };
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
  }

  /** Tells the runtime that nothing more is asked, and resolves when it has ended, or after so many milliseconds. */
  async drain(milliseconds: number): Promise<void> {
    // One that is broken has ended too.
    const ended = [...this.#connections].map((connection) => once(connection.end(), 'close').catch(() => {}));
    await settlesWithin(Promise.all(ended), milliseconds);
  }

  /** Removes the directory. A runtime that lives ends itself now. */
  remove(): void {
    this.#server.close();
    for (const connection of this.#connections) connection.destroy();
    rmSync(dirname(this.path), { recursive: true, force: true });
  }

  #take(connection: Socket): void {
    let runtime: Runtime | undefined;
    this.#connections.add(connection);
    connection.on('error', () => {});
    connection.once('close', () => {
      this.#connections.delete(connection);
      if (runtime !== undefined) this.#lose(runtime);
    });
    const pings: (() => void)[] = [];
    const ping = () =>
      new Promise<void>((resolve) => {
        pings.push(resolve);
        connection.write(pingByte);
      });
    // A runtime sends one line when it can answer. Then it sends back what it gets.
    let line = '';
    connection.setEncoding('utf8').on('data', (text: string) => {
      if (runtime !== undefined) {
        for (const resolve of pings.splice(0, text.length)) resolve();
        return;
      }
      line += text;
      if (!line.endsWith('\n')) return;
      const [pid, description] = parseReadyLine(line.trim());
      runtime = {
        pid,
        description,
        socket: runtimeSocket(this.path, pid),
        // Loaded now, because a start waits for all that is imported.
        agent: new (process.getBuiltinModule('node:http').Agent)({
          keepAlive: true,
          maxSockets: Number.POSITIVE_INFINITY,
        }),
        ping,
      };
      this.#runtime = runtime;
      for (const { resolve } of this.#waiting.splice(0)) resolve(runtime);
    });
  }

  #lose(runtime: Runtime): void {
    runtime.agent.destroy();
    if (this.#runtime !== runtime) return;
    this.#runtime = undefined;
    this.onLoss();
  }
}

/** The number of a process, and as JSON what it has loaded. */
function parseReadyLine(line: string): [pid: number, description: readonly string[]] {
  const [, pid, description = '[]'] = /^(\d+)(?: (.*))?$/.exec(line) ?? [];
  return [Number(pid), JSON.parse(description) as string[]];
}
