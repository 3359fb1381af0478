// https: and hf: - through node-llama-cpp's own downloader, which resumes, uses parallel connections and brings
// every part of a split GGUF. A look at the source comes first: the downloader would ask a dead host 150 times.
import { mkdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { splitFileNames } from '../../../src/model/split-files.ts';
import { allocatedBytes, ensureFreeSpace } from '../disk-space.ts';
import { isDiskFull, StoreError, toStoreError } from '../errors.ts';
import type { Source, TransferContext } from '../transfer.ts';
import { type HubAccess, readHubAccess, toDownloadUrl } from './hub-url.ts';
import { type PublishedFile, readPublishedFile } from './published-file.ts';

const STALL_MILLISECONDS = 60_000;
/** What an unfinished download is a download of; a source that changed meanwhile must not be spliced into it. */
const VERSION_FILE = 'source-version';

/** Downloads a file, or all parts of a split one, with the hub's own SHA-256 of each where it publishes one. */
export const fetchFromHub: Source = async (uri, directory, context) => {
  const access = await readHubAccess(process.env);
  const url = toDownloadUrl(uri, access.endpoint);
  const names = splitFileNames(decodeURIComponent(basename(url.pathname)));
  const published: PublishedFile[] = [];
  for (const name of names) {
    const part = new URL(url);
    if (names.length > 1) part.pathname = part.pathname.replace(/[^/]+$/, encodeURIComponent(name));
    published.push(await readPublishedFile(part, uri, access, context.signal));
  }
  refuseOtherFile(uri, published, context);
  const sizeBytes = published.reduce((sum, file) => sum + (file.sizeBytes ?? 0), 0);
  // What is there already is continued, or makes room for another version: either way it counts.
  await ensureFreeSpace(directory, sizeBytes - (await allocatedBytes(directory)), uri);
  await discardOtherVersion(directory, JSON.stringify(published));
  const paths = await download(uri, url, names, directory, context, access);
  await Promise.all(paths.map((path, index) => cutTo(path, published[index]?.sizeBytes)));
  return paths.map((path, index) => ({ path, publishedSha256: published[index]?.sha256 ?? null }));
};

/** Refuses before the download what the verification would refuse after it. */
function refuseOtherFile(
  uri: string,
  published: readonly PublishedFile[],
  { expected }: TransferContext,
): void {
  const [file] = published;
  if (!file || published.length > 1) return;
  if (file.sha256 !== null && expected.sha256 !== null && file.sha256 !== expected.sha256) {
    const hashes = `the hub has SHA-256 ${file.sha256} and ${expected.sha256} is expected`;
    throw new StoreError('wrong-hash', `${uri} is another file: ${hashes}.`);
  }
  if (file.sizeBytes !== null && expected.sizeBytes !== null && file.sizeBytes !== expected.sizeBytes) {
    const fault = file.sizeBytes < expected.sizeBytes ? 'too short' : 'too long';
    const sizes = `${file.sizeBytes} bytes where ${expected.sizeBytes} are expected`;
    throw new StoreError('wrong-size', `${uri} is ${fault}: ${sizes}.`);
  }
}

async function discardOtherVersion(directory: string, version: string): Promise<void> {
  const path = join(directory, VERSION_FILE);
  const earlier = await readFile(path, 'utf8').catch(() => null);
  if (earlier === version) return;
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  await writeFile(path, version);
}

/**
 * Removes what is behind a download. The downloader keeps its progress there, and what it writes of that at the end may come after
 * its own cut (ipull 3: `saveMedataAfterFile` and `ftruncate` do not wait for each other).
 */
async function cutTo(path: string, sizeBytes: number | null | undefined): Promise<void> {
  if (typeof sizeBytes !== 'number') return;
  if ((await stat(path)).size > sizeBytes) await truncate(path, sizeBytes);
}

async function download(
  uri: string,
  url: URL,
  names: readonly string[],
  directory: string,
  { onProgress, signal, stallMilliseconds = STALL_MILLISECONDS }: TransferContext,
  access: HubAccess,
): Promise<string[]> {
  const { createModelDownloader } = await import('node-llama-cpp');
  const end = new AbortController();
  const ended = Promise.withResolvers<never>();
  const stop = (error: unknown) => {
    ended.reject(error);
    end.abort(error);
  };
  const interrupted = (why: string) => () =>
    stop(new StoreError('interrupted', `${uri}: ${why}. Fetch it again to continue where it stopped.`));
  const stalled = interrupted(`no byte arrived for ${stallMilliseconds / 1000} s`);
  const stall = setTimeout(stalled, stallMilliseconds);
  const stopped = interrupted('interrupted');
  signal?.addEventListener('abort', stopped, { once: true });
  // The downloader leaves failures of its parallel writes and connections as unhandled rejections, which would end
  // the process with a stack trace. After the first one more may follow, so then the listener stays.
  const onRejection = (error: unknown) => {
    if (!isDiskFull(error) && !(error instanceof Error && error.stack?.includes('ipull'))) throw error;
    stop(error);
  };
  process.on('unhandledRejection', onRejection);
  if (signal?.aborted) stopped();
  try {
    const work = (async () => {
      const downloader = await createModelDownloader({
        modelUri: url.href,
        dirPath: directory,
        ...(names.length === 1 && names[0] ? { fileName: names[0] } : {}),
        deleteTempFileOnCancel: false,
        endpoints: { huggingFace: access.endpoint },
        tokens: access.token === null ? {} : { huggingFace: access.token },
        onProgress: ({ downloadedSize, totalSize }) => {
          stall.refresh();
          onProgress({ transferredBytes: downloadedSize, totalBytes: totalSize || null });
        },
      });
      await downloader.download({ signal: end.signal });
      return downloader.filesInfo.map((file) => file.filePath);
    })();
    work.catch(() => {}); // After a stop nobody waits for it.
    const paths = await Promise.race([work, ended.promise]);
    process.off('unhandledRejection', onRejection);
    return paths;
  } catch (error) {
    throw toStoreError(error, 'interrupted', uri);
  } finally {
    clearTimeout(stall);
    signal?.removeEventListener('abort', stopped);
  }
}
