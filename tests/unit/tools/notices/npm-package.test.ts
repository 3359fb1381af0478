import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bundledPackages, readPackageNotice } from '../../../../tools/notices/npm-package.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'package-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

/** Writes a package: its description, and further files by name. */
function put(description: object, files: Readonly<Record<string, string>> = {}): void {
  const all = { name: 'some-package', version: '1.2.3', license: 'MIT', ...description };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(all));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
}

describe('a package', () => {
  it('gives the texts of its licence and of its notices, and no code', () => {
    put(
      {},
      { 'license.md': '\nThe licence.\r\n', NOTICE: 'A notice.\n', 'license.js': 'code', 'README.md': '' },
    );

    expect(readPackageNotice(folder)).toEqual({
      name: 'some-package',
      version: '1.2.3',
      licence: 'MIT',
      texts: ['The licence.', 'A notice.'],
      purl: 'pkg:npm/some-package@1.2.3',
    });
  });

  it.each([
    ['a text', 'Jane Doe <jane@example.org> (https://example.org)', 'Copyright (c) Jane Doe\n'],
    ['an object', { name: 'A Company' }, 'Copyright (c) A Company\n'],
  ])('without a licence file gives the standard text with its author: %s', (_, author, copyright) => {
    put({ author });
    const [text = ''] = readPackageNotice(folder).texts;

    expect(text.startsWith(copyright)).toBe(true);
    expect(text).toContain('Permission is hereby granted, free of charge');
  });

  it('under the Apache License gives its text, which is the same for all', () => {
    put({ license: 'Apache-2.0' });

    expect(readPackageNotice(folder).texts[0]).toMatch(/^\s+Apache License\n/);
  });

  it.each([
    ['has no licence file and names no author', {}, 'some-package has no licence file and names no author.'],
    [
      'has no licence file, and its licence no standard text',
      { license: 'ISC', author: 'Jane' },
      'no text of ISC',
    ],
    [
      'has another licence',
      { license: 'GPL-3.0-only' },
      'some-package has the unknown licence "GPL-3.0-only".',
    ],
    ['names no licence', { license: undefined }, 'some-package has the unknown licence undefined.'],
  ])('that %s is refused', (_, description, message) => {
    put(description);

    expect(() => readPackageNotice(folder)).toThrow(message);
    expect(() => readPackageNotice(folder)).toThrow(expect.objectContaining({ name: 'NoticeError' }));
  });
});

describe('the bundled packages', () => {
  it('are those with code in a bundle, wherever they are installed', () => {
    const inputs = {
      'src/main.ts': { bytesInOutput: 10 },
      'require-http:node:http': { bytesInOutput: 10 },
      'builtin:node:fs?/app/node_modules/importer/index.js': { bytesInOutput: 10 },
      'node_modules/plain/index.js': { bytesInOutput: 10 },
      'node_modules/plain/lib/other.js': { bytesInOutput: 10 },
      'node_modules/@scope/name/index.js': { bytesInOutput: 10 },
      'node_modules/plain/node_modules/nested/index.js': { bytesInOutput: 10 },
      'node_modules/types-only/index.js': { bytesInOutput: 0 },
    };
    const metafile = { inputs: {}, outputs: { 'dist/a.mjs': { inputs } } } as unknown as Metafile;

    expect(bundledPackages(metafile)).toEqual([
      'node_modules/@scope/name',
      'node_modules/plain',
      'node_modules/plain/node_modules/nested',
    ]);
  });
});

it('the emulator whose modules are listed is the one that the catalog pins', () => {
  const read = (path: string) => readFileSync(join(import.meta.dirname, '../../../..', path), 'utf8');
  const catalog = JSON.parse(read('models/catalog.json'));
  const [, release] = /aws-sam-cli ([\d.]+)/.exec(read('tools/notices/texts/aws-lambda-rie.txt')) ?? [];

  for (const { sources } of Object.values<{ sources: string[] }>(catalog.tools['aws-lambda-rie'].builds)) {
    expect(sources).toEqual([expect.stringContaining(`aws-sam-cli==${release}#`)]);
  }
});
