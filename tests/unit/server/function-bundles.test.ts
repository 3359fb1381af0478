import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFunctionFault } from '../../../src/server/function-bundles.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'function-bundles-'));
  for (const file of ['stream.mjs', 'completion.mjs', 'completion.mjs.map'])
    writeFileSync(join(folder, file), '');
});

afterAll(() => rmSync(folder, { recursive: true }));

describe('findFunctionFault', () => {
  it('finds none with a handler of a built function', () => {
    expect(findFunctionFault(folder, 'completion.handler')).toBeUndefined();
  });

  it.each(['missing.handler', 'completion', 'completion.', '.handler', 'completion.mjs.map', '../x.handler'])(
    'names %j and the handlers there are',
    (handler) => {
      expect(findFunctionFault(folder, handler)).toBe(
        `There is no handler ${JSON.stringify(handler)}; there are: completion.handler, stream.handler.`,
      );
    },
  );

  it('says that nothing is built', () => {
    expect(findFunctionFault(join(folder, 'nowhere'), 'completion.handler')).toMatch(
      /No function is built yet/,
    );
  });
});
