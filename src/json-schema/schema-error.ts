// The errors for a schema that is malformed, or that no value matches.

/** The longest name that a message quotes, in characters. */
const longestQuote = 120;

/** A malformed schema. The message is one line that names the keyword and its path. */
export class SchemaError extends Error {
  override readonly name: string = 'SchemaError';
  /** The keyword that caused the error. Empty for the schema as a whole. */
  readonly keyword: string;
  /** The path of the schema with the keyword, a JSON pointer such as `#/properties/a`. */
  readonly path: string;

  /** `reason` continues the sentence after the keyword and the path: `must be a number`. */
  constructor(keyword: string, path: string, reason: string) {
    const subject = keyword === '' ? 'The schema' : `'${quote(keyword)}'`;
    super(`${subject} at '${quote(path)}' ${reason}.`);
    this.keyword = keyword;
    this.path = path;
  }
}

/** A schema that no value matches. It is an error only where a value must match it. */
export class UnsatisfiableSchemaError extends SchemaError {
  override readonly name = 'UnsatisfiableSchemaError';
}

/** Extends a JSON pointer. */
export function pointerTo(path: string, ...tokens: readonly (string | number)[]): string {
  return tokens.reduce<string>(
    (parent, token) => `${parent}/${String(token).replaceAll('~', '~0').replaceAll('/', '~1')}`,
    path,
  );
}

/** Makes a name fit for a one-line message: escapes control characters and cuts it to length. */
export function quote(text: string): string {
  const escaped = JSON.stringify(text)
    .slice(1, -1)
    .replace(/[\u007f-\u009f\u2028\u2029]/g, '?');
  return escaped.length <= longestQuote ? escaped : `${escaped.slice(0, longestQuote)}…`;
}
