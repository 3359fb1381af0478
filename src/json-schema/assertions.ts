// The combined keywords of several schemas that one value must all satisfy.
import type { Place } from './schema-document.ts';
import { pointerTo, UnsupportedSchemaError } from './unsupported-schema-error.ts';

/** The value of a keyword, and the path of its schema. */
export interface Assertion {
  readonly value: unknown;
  readonly path: string;
}

/** A schema without the keywords that apply other schemas to the same value. */
export interface Part {
  readonly schema: Readonly<Record<string, unknown>>;
  readonly path: string;
}

/** The largest count. No answer exceeds it, so a larger maximum is reduced to it. */
const mostCounted = 1_000_000;

export class Assertions {
  readonly parts: readonly Part[];

  constructor(parts: readonly Part[]) {
    this.parts = parts;
  }

  /** The path of the first schema. */
  get path(): string {
    return this.parts[0]?.path ?? '#';
  }

  /** All values of a keyword. */
  all(keyword: string): Assertion[] {
    return this.parts
      .filter(({ schema }) => Object.hasOwn(schema, keyword))
      .map(({ schema, path }) => ({ value: schema[keyword], path }));
  }

  has(...keywords: readonly string[]): boolean {
    return keywords.some((keyword) => this.all(keyword).length > 0);
  }

  /** All values of a numeric keyword. */
  numbers(keyword: string): number[] {
    return this.all(keyword).map(({ value, path }) => {
      if (typeof value !== 'number') throw new UnsupportedSchemaError(keyword, path, 'must be a number');
      return value;
    });
  }

  /**
   * The combined bounds of a count, such as `minItems` and `maxItems`. The default maximum is infinite.
   *
   * @throws {UnsupportedSchemaError} when a bound is not a whole number, or the minimum exceeds the maximum
   */
  counts(minimum: string, maximum: string): { min: number; max: number } {
    for (const keyword of [minimum, maximum]) {
      for (const { value, path } of this.all(keyword)) {
        if (!Number.isSafeInteger(value) || Number(value) < 0)
          throw new UnsupportedSchemaError(keyword, path, 'must be a whole number, 0 or more');
      }
    }
    const min = Math.max(0, ...this.numbers(minimum));
    const maxima = this.numbers(maximum);
    const max = maxima.length === 0 ? Number.POSITIVE_INFINITY : Math.min(mostCounted, ...maxima);
    if (min > mostCounted) throw this.refusal(minimum, `is more than ${mostCounted}`);
    if (min > max) throw this.refusal(minimum, `cannot be satisfied: '${maximum}' is ${max}`);
    return { min, max };
  }

  /** All different values of a string keyword. */
  texts(keyword: string): string[] {
    const texts = this.all(keyword).map(({ value, path }) => {
      if (typeof value !== 'string') throw new UnsupportedSchemaError(keyword, path, 'must be a string');
      return value;
    });
    return [...new Set(texts)];
  }

  /** Creates an error at the first schema with the keyword. */
  refusal(keyword: string, reason: string): UnsupportedSchemaError {
    return new UnsupportedSchemaError(keyword, this.all(keyword)[0]?.path ?? this.path, reason);
  }
}

/** The schema in a keyword of another schema, or in an entry of that keyword. */
export function subschema(part: Part, keyword: string, token?: string | number): Place {
  const value = part.schema[keyword];
  if (token === undefined) return { schema: value, path: pointerTo(part.path, keyword) };
  return {
    schema: (value as Readonly<Record<string, unknown>>)[token],
    path: pointerTo(part.path, keyword, token),
  };
}
