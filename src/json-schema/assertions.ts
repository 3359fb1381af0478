// What several schemas say together about one value: each keyword may stand in any of them, and all of them hold.
import type { Place } from './schema-document.ts';
import { pointerTo, UnsupportedSchemaError } from './unsupported-schema-error.ts';

/** What a keyword says, and the schema that has it. */
export interface Assertion {
  readonly value: unknown;
  readonly path: string;
}

/** A schema's own keywords, less those that bring in other schemas. */
export interface Part {
  readonly schema: Readonly<Record<string, unknown>>;
  readonly path: string;
}

/** More than any answer has; a larger maximum means no other. */
const mostCounted = 1_000_000;

export class Assertions {
  readonly parts: readonly Part[];

  constructor(parts: readonly Part[]) {
    this.parts = parts;
  }

  /** Where the first of the schemas is. */
  get path(): string {
    return this.parts[0]?.path ?? '#';
  }

  /** Everything that is said with a keyword. */
  all(keyword: string): Assertion[] {
    return this.parts
      .filter(({ schema }) => Object.hasOwn(schema, keyword))
      .map(({ schema, path }) => ({ value: schema[keyword], path }));
  }

  has(...keywords: readonly string[]): boolean {
    return keywords.some((keyword) => this.all(keyword).length > 0);
  }

  /** Numbers that are said with a keyword. */
  numbers(keyword: string): number[] {
    return this.all(keyword).map(({ value, path }) => {
      if (typeof value !== 'number') throw new UnsupportedSchemaError(keyword, path, 'must be a number');
      return value;
    });
  }

  /**
   * The bounds of a count, such as `minItems` and `maxItems`; without a maximum, it is infinite.
   *
   * @throws {UnsupportedSchemaError} when they are no whole numbers, or there is nothing between them
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

  /** Texts that are said with a keyword, each once. */
  texts(keyword: string): string[] {
    const texts = this.all(keyword).map(({ value, path }) => {
      if (typeof value !== 'string') throw new UnsupportedSchemaError(keyword, path, 'must be a text');
      return value;
    });
    return [...new Set(texts)];
  }

  /** Why the schemas are refused, at the first of them that has the keyword. */
  refusal(keyword: string, reason: string): UnsupportedSchemaError {
    return new UnsupportedSchemaError(keyword, this.all(keyword)[0]?.path ?? this.path, reason);
  }
}

/** The schema below a keyword of another, or below a name or an index in it. */
export function below(part: Part, keyword: string, token?: string | number): Place {
  const value = part.schema[keyword];
  if (token === undefined) return { schema: value, path: pointerTo(part.path, keyword) };
  return {
    schema: (value as Readonly<Record<string, unknown>>)[token],
    path: pointerTo(part.path, keyword, token),
  };
}
