// The stored responses of one caller. Each has the whole conversation before it, so that one read continues it.
import { createHash } from 'node:crypto';
import { toTimeUp, untilAborted } from '../../engine/deadline.ts';
import { RequestError } from '../../errors/request-error.ts';
import type { RequestContext } from '../../generation/context.ts';
import type { ResponseArchive } from '../response-archive.ts';
import type { ModelService } from '../service.ts';
import type { Response } from './response.ts';

export type Item = Readonly<Record<string, unknown>>;

/** An item as it is stored. */
export type StoredItem = Item & { readonly id: string };

export interface StoredResponse {
  readonly response: Response;
  /** The conversation before its output, with that of earlier responses. */
  readonly input: readonly StoredItem[];
}

/** A response that is larger is not stored, in bytes of JSON. A request may have 6 MiB. */
const mostBytes = 16 * 2 ** 20;

/** Another number for another layout. */
const version = 1;

export class ResponseStore {
  readonly #archive: Promise<ResponseArchive>;
  readonly #tenant: string;

  constructor(archive: Promise<ResponseArchive>, tenant: string) {
    this.#archive = archive;
    this.#tenant = tenant;
  }

  /**
   * Returns undefined when this caller has no such response.
   *
   * @throws {RequestError} `response_store_unavailable` when the archive cannot be read
   */
  async find(id: string, signal?: AbortSignal): Promise<StoredResponse | undefined> {
    const archive = await this.#archive;
    const bytes = await archive.read(this.#keyOf(id), signal);
    if (bytes !== undefined) return parse(bytes);
    if (archive.isReadable) return undefined;
    throw toUnavailable('read');
  }

  /**
   * Keeps a response. Returns whether it is kept: it may be too large, the archive may fail, or the time may be up.
   *
   * @param endBy - the deadline of the answer, in milliseconds of `performance.now()`
   */
  async keep(stored: StoredResponse, endBy?: number): Promise<boolean> {
    const bytes = Buffer.from(JSON.stringify({ version, ...stored }));
    if (bytes.length > mostBytes) return false;
    const writing = this.#archive.then((archive) => archive.write(this.#keyOf(stored.response.id), bytes));
    return (await untilAborted(writing, toTimeUp(endBy))) ?? false;
  }

  /** @throws {RequestError} `response_store_unavailable` when the response may still be there */
  async remove(id: string): Promise<void> {
    const archive = await this.#archive;
    if (!(await archive.remove(this.#keyOf(id)))) throw toUnavailable('changed');
  }

  #keyOf(id: string): string {
    return createHash('sha256')
      .update(JSON.stringify([this.#tenant, id]))
      .digest('hex');
  }
}

/** Returns undefined where nothing is stored: without an archive, and for requests that nobody can come back to. */
export function openResponseStore(
  { openResponseArchive }: ModelService,
  { tenant }: Pick<RequestContext, 'tenant'>,
): ResponseStore | undefined {
  if (openResponseArchive === undefined || tenant === undefined) return undefined;
  const archive = openResponseArchive();
  // Whoever waits for it is told.
  archive.catch(() => {});
  return new ResponseStore(archive, tenant);
}

/** Returns undefined for a response of another release. */
function parse(bytes: Uint8Array): StoredResponse | undefined {
  const { version: found, ...stored } = JSON.parse(Buffer.from(bytes).toString()) as StoredResponse & {
    version: number;
  };
  return found === version ? stored : undefined;
}

function toUnavailable(action: 'read' | 'changed'): RequestError {
  return new RequestError(
    'response_store_unavailable',
    `Stored responses cannot be ${action} at the moment. Try again later.`,
    { headers: { 'retry-after': '5' } },
  );
}
