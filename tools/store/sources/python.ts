// Runs the machine's own Python, which brings pip and reads zip files.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { StoreError, toStoreError } from '../errors.ts';

/** The command that starts Python. */
export const PYTHON = process.platform === 'win32' ? 'python' : 'python3';

/** What a run is for, and where it may write. */
export interface PythonRun {
  /** The source, named in errors. */
  readonly uri: string;
  /** For temporary files. */
  readonly directory: string;
  readonly signal?: AbortSignal | undefined;
  /** Called with all of stdout so far, as it grows. */
  readonly onOutput?: (output: string) => void;
}

/** Runs Python to its end. Throws `missing-tool` where there is none. */
export async function runPython(
  args: readonly string[],
  { uri, directory, signal, onOutput }: PythonRun,
): Promise<{ code: number | null; errors: string }> {
  // pip writes to TMPDIR before it moves the wheel: kept on the store's disk, and cleaned with it.
  const env = { ...process.env, TMPDIR: directory };
  const child = spawn(PYTHON, args, { env, stdio: ['ignore', 'pipe', 'pipe'], ...(signal && { signal }) });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    onOutput?.(output);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, errors };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const message = `${uri} needs ${PYTHON}, which is not installed. Install Python 3 with pip, or add another source.`;
    throw new StoreError('missing-tool', message, { cause: error });
  }
}

/** The failure of a run: its last error in one line. */
export function pythonFailure(uri: string, what: string, errors: string): StoreError {
  if (/No space left on device/i.test(errors)) {
    return toStoreError(Object.assign(new Error(), { code: 'ENOSPC' }), 'disk-full', uri);
  }
  const lines = errors.trim().split('\n');
  const reason = lines.findLast((line) => line.startsWith('ERROR:')) ?? lines.at(-1) ?? '';
  return new StoreError(
    'source-failed',
    `${uri}: ${what}: ${reason.replace(/^ERROR:\s*/, '') || 'no reason given'}.`,
  );
}
