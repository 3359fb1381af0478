// The fields of one request that change nothing here: unknown ones, and those that this server may leave out.
import { RequestError } from '../errors/request-error.ts';
import type { Log } from '../telemetry/log.ts';

/** The longest list of paths in a header or a line of the log, in characters. */
const longestList = 1024;

/** The longest part of a path, in characters. Clients choose the names of fields. */
const longestName = 40;

export type FieldPath = readonly PropertyKey[];

export class ForeignFields {
  /** Whether a foreign field fails the request. Default: false, it is ignored. */
  readonly strict: boolean;
  #list = '';
  #unlisted = 0;

  constructor({ strict = false }: { readonly strict?: boolean } = {}) {
    this.strict = strict;
  }

  /** Records a field that is ignored. */
  ignore(path: FieldPath): void {
    if (this.#unlisted === 0) {
      const list = this.#list + (this.#list === '' ? '' : ', ') + path.map(toName).join('.');
      if (list.length <= longestList) {
        this.#list = list;
        return;
      }
    }
    this.#unlisted += 1;
  }

  /**
   * Ignores a known field whose value changes nothing here.
   *
   * @param reason the message of the error under the strict rule
   * @throws {RequestError} `unsupported_parameter` under the strict rule
   */
  leaveOut(param: string, reason: string): void {
    if (this.strict) throw new RequestError('unsupported_parameter', reason, { param });
    this.ignore([param]);
  }

  /** The paths of the ignored fields, without their values, as a header may have them. `undefined` if there are none. */
  get ignored(): string | undefined {
    if (this.#list === '') return undefined;
    return this.#unlisted === 0 ? this.#list : `${this.#list}, and ${this.#unlisted} more`;
  }

  /** Logs the ignored fields for those who debug a client. */
  log(log: Log): void {
    if (this.ignored !== undefined) log.debug(`Ignored fields of the request: ${this.ignored}`);
  }
}

/** Encodes a name for a header: anything but printable ASCII becomes percent-encoded, as do commas. */
function toName(key: PropertyKey): string {
  const name = String(key);
  const cut = name.length <= longestName ? name : `${name.slice(0, longestName)}...`;
  return cut.toWellFormed().replaceAll(/[^\w.$:@/[\]~+*-]/gu, encodeURIComponent);
}
