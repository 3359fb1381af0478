// Bodies that clients send, with one to three of their values replaced, removed or doubled.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';

export interface Case {
  readonly path: string;
  readonly body: unknown;
}

/** Recorded and written bodies of clients. */
const cases = JSON.parse(
  readFileSync(new URL('../unit/http/client-bodies.json', import.meta.url), 'utf8'),
) as readonly Case[];

type Path = readonly (string | number)[];

function listPaths(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => listPaths(inner, [...path, key]))];
}

function replaceAt(value: unknown, [key, ...rest]: Path, by: (old: unknown) => unknown): unknown {
  if (key === undefined) return by(value);
  if (Array.isArray(value))
    return value.map((inner, index) => (String(index) === String(key) ? replaceAt(inner, rest, by) : inner));
  const fields = value as Record<string, unknown>;
  const changed = replaceAt(fields[key], rest, by);
  return { ...fields, [key]: changed };
}

const odd: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    '',
    [],
    {},
    0,
    -1,
    true,
    2 ** 53,
    -(2 ** 63),
    1e308,
    4294967297,
    '-1',
    [[]],
    [{}],
  ),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.string({ maxLength: 20, unit: 'binary' }),
  fc.jsonValue({ maxDepth: 4 }),
);

const change: fc.Arbitrary<(old: unknown) => unknown> = fc.oneof(
  odd.map((value) => () => value),
  fc.constant((old: unknown) => [old, old]),
  fc.constant((old: unknown) => ({ nested: old })),
  fc.constant((old: unknown) => (typeof old === 'string' ? old.repeat(1000) : old)),
);

/** Few tokens, so that most of the time goes into what is unusual. */
function limit(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  return { ...body, n_predict: 2 };
}

const mutated = fc.constantFrom(...cases).chain(({ path, body }) =>
  fc
    .array(fc.tuple(fc.constantFrom(...listPaths(body)), change), { minLength: 1, maxLength: 3 })
    .map((changes): Case => {
      let changed = body;
      for (const [place, by] of changes) {
        try {
          changed = replaceAt(changed, place, by);
        } catch {
          // An earlier change has removed the place.
        }
      }
      return { path, body: limit(changed) };
    }),
);

/** The same seed gives the same bodies. */
export function mutate(seed: number, count: number): Case[] {
  return fc.sample(mutated, { seed, numRuns: count });
}
