// The commands of README.md and docs/, read from these files and run as they stand there.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The lines of a document's shell blocks, without blank lines and trailing comments. */
function readCommands(document: string): string[] {
  const text = readFileSync(new URL(document, `file://${root}`), 'utf8');
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)]
    .flatMap(([, block = '']) => block.split('\n'))
    .map((line) => line.replace(/\s+#\s.*$/, '').trim())
    .filter((line) => line !== '');
}

/**
 * Finds the one command of a document that begins like this.
 *
 * @throws {Error} when the document has none, or more than one
 */
export function findCommand(document: string, beginning: string): string {
  const commands = readCommands(document);
  const [found, ...others] = commands.filter((command) => command.startsWith(beginning));
  if (found !== undefined && others.length === 0) return found;
  const problem = found === undefined ? 'no command' : 'several commands';
  throw new Error(`${document} has ${problem} that begin with '${beginning}': ${commands.join('; ')}`);
}

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
