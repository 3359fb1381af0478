// Commands as a user types them.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { endWithTests } from './child-processes.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

interface ShellOptions {
  /** Default: the project's root. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface ShellCommand {
  /** Resolves with the standard output. Rejects with all output when the exit code is not 0. */
  readonly ended: Promise<string>;
  /** Resolves as soon as the output has this text. Rejects when the command ends without it. */
  untilPrinted(text: string): Promise<void>;
  /** Sends Ctrl-C's signal. */
  interrupt(): void;
}

/** Starts a command in a shell, as a user types it. */
export function startShell(command: string, { cwd = root, env = {} }: ShellOptions = {}): ShellCommand {
  const child = spawn('sh', ['-c', `exec ${command}`], { cwd, env: { ...process.env, ...env } });
  endWithTests(child);
  let output = '';
  let standardOutput = '';
  const watchers = new Set<() => void>();
  const read = (chunk: string) => {
    output += chunk;
    for (const watch of watchers) watch();
  };
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    standardOutput += chunk;
    read(chunk);
  });
  child.stderr.setEncoding('utf8').on('data', read);
  const ended = new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(standardOutput) : reject(new Error(`'${command}' ended with ${code}: ${output}`)),
    );
  });
  ended.catch(() => {});
  return {
    ended,
    untilPrinted: (text) =>
      new Promise((resolve, reject) => {
        const watch = () => {
          if (!output.includes(text)) return;
          watchers.delete(watch);
          resolve();
        };
        watchers.add(watch);
        watch();
        void ended.then(() => reject(new Error(`'${command}' ended without '${text}': ${output}`)), reject);
      }),
    interrupt: () => void child.kill('SIGINT'),
  };
}

/** Runs a command in a shell and returns its standard output. */
export function runShell(command: string, options?: ShellOptions): Promise<string> {
  return startShell(command, options).ended;
}
