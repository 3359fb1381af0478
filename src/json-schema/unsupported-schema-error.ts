// Why a schema is refused: what it says cannot be promised, or nothing could ever satisfy it.

/** Names may be long, and the message is one line. */
const longestQuote = 120;

/** A schema that no grammar is made of. The message is one line that names the keyword and its place. */
export class UnsupportedSchemaError extends Error {
  override readonly name = 'UnsupportedSchemaError';
  /** The keyword at fault; empty where it is the schema as a whole. */
  readonly keyword: string;
  /** The place of the schema that has it, as a JSON pointer such as `#/properties/a`. */
  readonly path: string;

  /** `reason` goes on after the keyword and its place: `is not supported`. */
  constructor(keyword: string, path: string, reason: string) {
    const what = keyword === '' ? 'The schema' : `'${quote(keyword)}'`;
    super(`${what} at '${quote(path)}' ${reason}.`);
    this.keyword = keyword;
    this.path = path;
  }
}

/** The pointer of what `token` names below `path`. */
export function pointerTo(path: string, ...tokens: readonly (string | number)[]): string {
  return tokens.reduce<string>(
    (parent, token) => `${parent}/${String(token).replaceAll('~', '~0').replaceAll('/', '~1')}`,
    path,
  );
}

/** Fit for one line: control characters are escaped, and the rest is cut off. */
export function quote(text: string): string {
  const escaped = JSON.stringify(text)
    .slice(1, -1)
    .replace(/[\u007f-\u009f\u2028\u2029]/g, '?');
  return escaped.length <= longestQuote ? escaped : `${escaped.slice(0, longestQuote)}…`;
}
