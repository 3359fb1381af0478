import { expect, it } from 'vitest';
import { isDeeperThan } from '../../../src/api/nesting.ts';

it.each(['1', 'null', '"[["'])('counts no level of %s', (json) => {
  expect(isDeeperThan(JSON.parse(json), 0)).toBe(false);
});

it.each([
  { json: '[]', levels: 1 },
  { json: '{"a": 1, "b": [null, "[["]}', levels: 2 },
  { json: '[1, {"a": [2]}, []]', levels: 3 },
  { json: '['.repeat(500_000) + ']'.repeat(500_000), levels: 500_000 },
])('counts $levels levels', ({ json, levels }) => {
  const value: unknown = JSON.parse(json);

  expect(isDeeperThan(value, levels)).toBe(false);
  expect(isDeeperThan(value, levels - 1)).toBe(true);
});
