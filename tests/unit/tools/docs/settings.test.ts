import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { configurationPage, withSettings } from '../../../../tools/docs/configuration.ts';
import { findSettings } from '../../../../tools/docs/settings.ts';

const find = (text: string) => findSettings([{ path: 'src/a.ts', text }]);

describe('findSettings', () => {
  it.each([
    ["readInteger(env, 'SIZE', { min: 1, max: 1_000, default: 7 })", '1 to 1,000', '7'],
    ["readInteger(env, 'SIZE', { min: 1, max: 9, default: undefined })", '1 to 9', 'none'],
    ["readIntegerOrAuto(env, 'SIZE', { min: 0, max: 9 })", '`auto`, 0 to 9', '`auto`'],
    ["readText(env, 'SIZE', 'large')", undefined, '`large`'],
    ["readText(env, 'SIZE', undefined)", undefined, 'none'],
    ["readFlag(env, 'SIZE')", '`true`, `false`', '`false`'],
    ["readChoice<'a' | 'b'>(env, 'SIZE', ['a', 'b'])", '`a`, `b`', '`a`'],
    ["readNames(env, 'SIZE')", 'names, separated by commas', 'none'],
    ["readRequiredText(env, 'SIZE', 'a size')", undefined, 'must be set'],
  ])('reads the values and the default of %s', (call, values, fallback) => {
    expect(find(`/** SIZE: how large it is. */\nconst size = ${call};`)).toEqual([
      {
        name: 'SIZE',
        values,
        default: fallback,
        meaning: 'how large it is.',
        see: undefined,
        source: 'src/a.ts',
      },
    ]);
  });

  it('takes a default and a link from the tags of a docstring of several lines', () => {
    const text = `
      /**
       * SIZE: how large
       * it is.
       *
       * @default as large as fits
       * @see docs/models.md
       * @throws {Error} when it does not fit
       */
      const size = readText(env, 'SIZE', largest());`;

    expect(find(text)).toMatchObject([
      { default: 'as large as fits', meaning: 'how large it is.', see: 'docs/models.md' },
    ]);
  });

  it('prefers a reader of more than a text', () => {
    const text = "/** SIZE: a. */ f(readText(env, 'SIZE', undefined), readNames(env, 'SIZE'));";

    expect(find(text)).toMatchObject([{ values: 'names, separated by commas' }]);
  });

  it.each([
    ["readFlag(env, 'SIZE')", 'SIZE is read, and no docstring begins with it.'],
    ["/** SIZE: a. */ readText(env, 'SIZE', largest())", 'SIZE in src/a.ts needs a @default'],
  ])('refuses %s', (text, message) => {
    expect(() => find(text)).toThrow(message);
  });
});

describe('docs/configuration.md', () => {
  it('has the settings of the sources: npm run docs:configuration writes them', () => {
    const page = readFileSync(configurationPage, 'utf8');

    expect(page).toBe(withSettings(page));
  });
});
