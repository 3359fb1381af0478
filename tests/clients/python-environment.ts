// Runs the Python clients at exact versions, in their own virtual environment.
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { installUv } from '../../tools/deploy/python-tool.ts';

/** The folder of the scripts. They run in it. */
const folder = fileURLToPath(new URL('python', import.meta.url));
const environment = join(folder, '.venv');
const python = join(environment, 'bin/python');

/** The timeout for creating the environment, in milliseconds. It takes half a minute, and only once. */
export const pythonSetupTimeout = 600_000;

/** Keeps the clients from using a model hub and telemetry, and from sending local requests to a proxy. */
const offline = {
  HF_HUB_OFFLINE: '1',
  HF_DATASETS_OFFLINE: '1',
  HF_HUB_DISABLE_TELEMETRY: '1',
  // LiteLLM reads prices from the network on import, three times, unless it uses those that it contains.
  LITELLM_LOCAL_MODEL_COST_MAP: 'True',
  OPENAI_AGENTS_DISABLE_TRACING: '1',
  NO_PROXY: '127.0.0.1,localhost',
  PYTHONUTF8: '1',
};

const execute = promisify(execFile);

/**
 * Creates the environment, unless it exists with the same requirements and the same Python. Needs Python 3.11
 * or later with pip.
 *
 * @throws with uv's output when a package cannot be installed
 */
export async function setUpPython(): Promise<void> {
  const { stdout: version } = await execute('python3', ['-c', 'import sys; print(sys.version, sys.prefix)']);
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  if (Number(major) < 3 || (Number(major) === 3 && Number(minor) < 11)) {
    throw new Error(
      `The Python clients need Python 3.11 or later, but python3 is ${version.trim()}. Install a later Python.`,
    );
  }

  const requirements = join(folder, 'requirements.txt');
  const stamp = join(environment, '.made-from');
  const expected = createHash('sha256').update(readFileSync(requirements)).update(version).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === expected) return;

  process.stderr.write('installing the Python clients (half a minute)\n');
  rmSync(environment, { recursive: true, force: true });
  // uv takes a third of the time that pip takes.
  const uv = await installUv();
  const runUv = (args: readonly string[]) =>
    execute('python3', ['-m', 'uv', ...args], {
      env: { ...process.env, ...uv },
      maxBuffer: 64 * 1024 * 1024,
    });
  await runUv(['venv', '--quiet', environment]);
  await runUv(['pip', 'install', '--quiet', '--no-deps', '--python', python, '--requirement', requirements]);
  writeFileSync(stamp, expected);
}

/** The result of a Python program. */
export interface PythonRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `python ARGUMENTS` in the folder of the scripts. Does not throw for an exit code. */
export async function runPython(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<PythonRun> {
  const child = spawn(python, args, {
    cwd: folder,
    env: { ...process.env, ...offline, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

/** An error that a client raised: its class, and the fields of OpenAI's errors if it has them. */
interface PythonError {
  readonly type: string;
  readonly message: string;
  readonly status_code: number | null;
  readonly code: string | null;
  readonly param: string | null;
}

/** A running Python script that answers calls, one at a time. */
export interface PythonCalls {
  /**
   * Calls a function of the script with keyword arguments. @throws {PythonCallError} when the function raises
   */
  call<Result>(name: string, args?: object): Promise<Result>;
  end(): Promise<void>;
}

class PythonCallError extends Error {
  override readonly name = 'PythonCallError';
  readonly details: PythonError;

  constructor(details: PythonError) {
    super(`${details.type}: ${details.message}`);
    this.details = details;
  }
}

/** Starts a script that ends with `serve(…)` of calls.py. */
export function startPythonCalls(script: string, args: readonly string[]): PythonCalls {
  const child = spawn(python, [script, ...args], {
    cwd: folder,
    env: { ...process.env, ...offline },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    call: async <Result>(name: string, callArguments: object = {}) => {
      child.stdin.write(`${JSON.stringify({ call: name, arguments: callArguments })}\n`);
      const { value, done } = await answers.next();
      if (done === true) throw new Error(`${script} ended.`);
      const answer = JSON.parse(value) as { result: Result } | { error: PythonError };
      if ('error' in answer) throw new PythonCallError(answer.error);
      return answer.result;
    },
    end: async () => {
      child.stdin.end();
      await exited;
    },
  };
}
