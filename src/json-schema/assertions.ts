// The combined keywords of several schemas that one value must all satisfy.
import type { CanonicalSchema } from './canonical-schema.ts';
import type { Place } from './schema-document.ts';
import { pointerTo, UnsatisfiableSchemaError } from './schema-error.ts';

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
    return this.all(keyword).map(({ value }) => value as number);
  }

  /**
   * The combined bounds of a count, such as `minItems` and `maxItems`. The default maximum is infinite.
   *
   * @throws {UnsatisfiableSchemaError} when the minimum exceeds the maximum
   */
  counts(minimum: string, maximum: string): { min: number; max: number } {
    const min = Math.max(0, ...this.numbers(minimum));
    const maxima = this.numbers(maximum);
    const max = maxima.length === 0 ? Number.POSITIVE_INFINITY : Math.min(mostCounted, ...maxima);
    if (min > mostCounted) throw this.refusal(minimum, `is more than ${mostCounted}`);
    if (min > max) throw this.refusal(minimum, `cannot be satisfied: '${maximum}' is ${max}`);
    return { min, max };
  }

  /** All different values of a string keyword. */
  texts(keyword: string): string[] {
    return [...new Set(this.all(keyword).map(({ value }) => value as string))];
  }

  /** Creates an error at the first schema with the keyword: no value satisfies it. */
  refusal(keyword: string, reason: string): UnsatisfiableSchemaError {
    return new UnsatisfiableSchemaError(keyword, this.all(keyword)[0]?.path ?? this.path, reason);
  }
}

/** The schema in a keyword of another schema, or in an entry of that keyword. */
export function subschema(part: Part, keyword: string, token?: string | number): Place {
  const value = part.schema[keyword];
  if (token === undefined) return { schema: value as CanonicalSchema, path: pointerTo(part.path, keyword) };
  return {
    schema: (value as Readonly<Record<string, CanonicalSchema>>)[token] ?? true,
    path: pointerTo(part.path, keyword, token),
  };
}
