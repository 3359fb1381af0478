// Starts what `npm start` and the image start, as a process of its own, on a free port.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { endWithTests } from '../child-processes.ts';

const entry = fileURLToPath(new URL('../../infra/entry.sh', import.meta.url));

export interface FrontProcess {
  /** The invoke URL. */
  readonly url: string;
  /** All that was printed. */
  output(): string;
  /** Process ids of the front and of all that it started. */
  pids(): number[];
  /** Process ids of the runtime: Node with aws-lambda-ric. */
  runtimePids(): number[];
  /** Process ids of the emulator. */
  emulatorPids(): number[];
  /** Sends a signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<{ code: number | null; survivors: number[] }>;
}

/**
 * Starts the front; resolves when it prints its URL, and throws with its output when it ends before.
 *
 * @param through a program and its arguments that then execute the front
 */
export async function startFrontProcess(
  env: NodeJS.ProcessEnv = {},
  functionName = 'completion',
  { through = [] }: { through?: readonly string[] | undefined } = {},
): Promise<FrontProcess> {
  const [program = entry, ...args] = [...through, entry, `${functionName}.handler`];
  const child = spawn(program, args, {
    // Two threads wait for each other, and on a busy machine for long.
    env: { ...process.env, PORT: '0', THREADS: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  endWithTests(child);
  const exited = once(child, 'exit');
  let output = '';
  const url = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk;
        const found = /answers at (\S+)/.exec(output)?.[1];
        if (found !== undefined) resolve(found);
      });
    }
    child.once('close', (code) => reject(new Error(`exit code ${code}: ${output}`)));
  });
  return {
    url,
    output: () => output,
    pids: () => descendants(child),
    runtimePids: () => descendants(child).filter((pid) => commandLine(pid).includes('aws-lambda-ric')),
    emulatorPids: () => descendants(child).filter((pid) => /^\S*aws-lambda-rie/.test(commandLine(pid))),
    end: async (signal) => {
      const processes = descendants(child);
      child.kill(signal);
      const [code] = (await exited) as [number | null];
      return { code, survivors: processes.filter((pid) => commandLine(pid) !== '') };
    },
  };
}

function descendants({ pid: root }: ChildProcess): number[] {
  const parents = new Map<number, number>();
  for (const line of execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n')) {
    const [pid, parent] = line.trim().split(/\s+/).map(Number);
    if (pid !== undefined && parent !== undefined) parents.set(pid, parent);
  }
  const isBelow = (pid: number | undefined): boolean =>
    pid !== undefined && pid !== 0 && (pid === root || isBelow(parents.get(pid)));
  return [...parents.keys()].filter((pid) => isBelow(pid));
}

/** Empty when the process is gone, or is only waiting to be reaped. */
function commandLine(pid: number): string {
  if (!readdirSync('/proc').includes(String(pid))) return '';
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}
