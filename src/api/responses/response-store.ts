// The stored responses of one caller. Each has the whole conversation before it, so that one read continues it.
import { createHash } from 'node:crypto';
import { toTimeUp, untilAborted } from '../../engine/deadline.ts';
import { RequestError } from '../../errors/request-error.ts';
import type { RequestContext } from '../../generation/context.ts';
import type { Log } from '../../telemetry/log.ts';
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
  readonly #log: Pick<Log, 'error'>;

  constructor(archive: Promise<ResponseArchive>, tenant: string, log: Pick<Log, 'error'>) {
    this.#archive = archive;
    this.#tenant = tenant;
    this.#log = log;
  }

  /**
   * Returns undefined when this caller has no such response.
   *
   * @throws {RequestError} `response_store_unavailable` when the archive cannot be read
   */
  async find(id: string, signal?: AbortSignal): Promise<StoredResponse | undefined> {
    const archive = await this.#open('read');
    const bytes = await archive.read(this.#keyOf(id), signal);
    if (bytes !== undefined) return parse(bytes);
    if (archive.isReadable) return undefined;
    throw toUnavailable('read');
  }

  /**
   * Keeps a response. Returns whether it is kept: it may be too large, the archive may fail, or the time may be up. The answer
   * is given all the same, so this never throws.
   *
   * @param endBy - the deadline of the answer, in milliseconds of `performance.now()`
   */
  async keep(stored: StoredResponse, endBy?: number): Promise<boolean> {
    const bytes = Buffer.from(JSON.stringify({ version, ...stored }));
    if (bytes.length > mostBytes) return false;
    return (await untilAborted(this.#write(stored.response.id, bytes), toTimeUp(endBy))) ?? false;
  }

  /** @throws {RequestError} `response_store_unavailable` when the response may still be there */
  async remove(id: string): Promise<void> {
    const archive = await this.#open('changed');
    if (!(await archive.remove(this.#keyOf(id)))) throw toUnavailable('changed');
  }

  async #write(id: string, bytes: Uint8Array): Promise<boolean> {
    try {
      const archive = await this.#archive;
      return await archive.write(this.#keyOf(id), bytes);
    } catch (error) {
      this.#log.error(error);
      return false;
    }
  }

  async #open(action: 'read' | 'changed'): Promise<ResponseArchive> {
    try {
      return await this.#archive;
    } catch (error) {
      this.#log.error(error);
      throw toUnavailable(action);
    }
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
  { tenant, log }: Pick<RequestContext, 'tenant' | 'log'>,
): ResponseStore | undefined {
  if (openResponseArchive === undefined || tenant === undefined) return undefined;
  const archive = openResponseArchive();
  // Whoever waits for it is told.
  archive.catch(() => {});
  return new ResponseStore(archive, tenant, log);
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
