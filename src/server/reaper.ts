// Ends what the front has started when the front is gone, however it went. A runtime ends itself and its emulator
// (runtime/listener.ts), but an emulator without a runtime waits for ever, and a stopped process notices nothing.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { frontSocketVariable } from './private-socket.ts';

/**
 * Standard input ends with the front. A process that the front is just starting keeps it open until it has its environment, in
 * which the path of the front's socket marks it, so none is missed. One process alone has nothing to finish. A runtime with its
 * emulator may write states of conversations for five seconds, as at a stop.
 */
const script = `
socket=$1
read -r _
tries=0
while set -- $(grep -lsF "${frontSocketVariable}=$socket" /proc/[0-9]*/environ | cut -d / -f 3); [ $# -gt 0 ]; do
  if [ $# -eq 1 ] || [ $tries -ge 50 ]; then kill -KILL "$@"; fi
  tries=$((tries + 1))
  sleep 0.1
done
rm -rf "\${socket%/*}"
`;

/** A shell that waits for the end of this process. */
export class Reaper {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;

  /** @param frontSocket the path of the front's socket, in a directory that is removed when this process is gone */
  constructor(frontSocket: string) {
    // In a session of its own, which no Ctrl-C reaches.
    this.#child = spawn('/bin/sh', ['-c', script, 'gguf-lambda-reaper', frontSocket], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#exited = once(this.#child, 'exit').catch((error: unknown) =>
      console.error(`gguf-lambda: nothing watches over the emulator: ${String(error)}`),
    );
    // Neither keeps this process alive, but in `stop`.
    this.#child.unref();
    (this.#child.stdin as Socket | null)?.unref();
  }

  /** Ends the shell, when there is nothing for it to end. */
  async stop(): Promise<void> {
    this.#child.ref();
    this.#child.kill('SIGKILL');
    await this.#exited;
  }
}
