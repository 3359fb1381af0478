// Pins models to the size and the SHA-256 that their sources publish, without a download.
import { basename } from 'node:path';
import { splitFileNames } from '../../src/model/split-files.ts';
import { type ModelEntry, readCatalog, updateCatalog } from './catalog.ts';
import { reasonOf, StoreError } from './errors.ts';
import type { StoreLocation } from './location.ts';
import { type HubAccess, readHubAccess, toDownloadUrl } from './sources/hub-url.ts';
import { readPublishedFile } from './sources/published-file.ts';

interface PinOptions {
  /** Called with a line for each model. */
  readonly report: (line: string) => void;
  readonly reportFailure: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Today in UTC, as the catalog has it. */
export const today = (): string => new Date().toISOString().slice(0, 10);

/**
 * Pins every model without a hash. Returns how many are still without one.
 *
 * @throws {StoreError} `malformed-catalog`
 */
export async function pinModels(
  location: StoreLocation,
  { report, reportFailure, signal }: PinOptions,
): Promise<number> {
  const access = await readHubAccess(process.env);
  let unpinned = 0;
  for (const model of readCatalog(location.catalog).models.filter(({ sha256 }) => sha256 === null)) {
    try {
      const pin = await findPin(model, access, signal);
      await updateCatalog(location.catalog, (catalog) => ({
        ...catalog,
        models: catalog.models.map((each) =>
          each.name === model.name && each.sha256 === null ? withPin(each, pin) : each,
        ),
      }));
      report(`Pinned ${model.name} to ${pin.sha256}, ${pin.sizeBytes} bytes: ${pin.source} publishes it.`);
    } catch (error) {
      unpinned += 1;
      reportFailure(`${model.name} is not pinned: ${reasonOf(error)}`);
    }
  }
  return unpinned;
}

interface Pin {
  readonly source: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

function withPin(model: ModelEntry, { sha256, sizeBytes }: Pin): ModelEntry {
  const { approximateSizeBytes: _, ...entry } = model;
  return { ...entry, sizeBytes, sha256, verified: { on: today(), by: 'source' } };
}

/** The first source that publishes both. */
async function findPin(
  { name, sources }: ModelEntry,
  access: HubAccess,
  signal: AbortSignal | undefined,
): Promise<Pin> {
  let failure: unknown;
  for (const source of sources.filter((uri) => /^(?:hf|https?):/.test(uri))) {
    try {
      const url = toDownloadUrl(source, access.endpoint);
      const parts = splitFileNames(decodeURIComponent(basename(url.pathname))).length;
      // The catalog's hash is that of all parts together, which no source publishes.
      if (parts > 1) {
        const advice = `'npm run model -- fetch ${name}' pins the model by downloading it.`;
        throw new StoreError('unpinned', `${source} has ${parts} parts with a hash each: ${advice}`);
      }
      const { sha256, sizeBytes } = await readPublishedFile(url, source, access, signal);
      if (sha256 !== null && sizeBytes !== null) return { source, sha256, sizeBytes };
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure ?? new StoreError('unpinned', 'none of its sources publishes a SHA-256.');
}
