// The site of the documentation, built as `npm run docs` builds it.
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runShell } from '../shell.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const copy = mkdtempSync(join(tmpdir(), 'site-'));
afterAll(() => rmSync(copy, { recursive: true }));

/** It installs VitePress first. */
const timeout = 600_000;

describe('npm run docs', () => {
  it('builds a page of each file', { timeout }, async () => {
    await runShell('npm run docs');

    for (const page of [
      'index',
      'start',
      'decisions/0001-prebuilt-llama-cpp-and-one-libuv-thread',
      'CONTRIBUTING',
    ]) {
      expect(existsSync(join(root, `.cache/site/${page}.html`)), page).toBe(true);
    }
  });
});

describe('an error in a page ends the build:', () => {
  const target = 'docs/compared.md';
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(copy, path)), { recursive: true });
    writeFileSync(join(copy, path), text);
  };

  beforeAll(() => {
    // The pages by their titles only: the build of all text takes half a minute.
    for (const path of globSync('{*.md,{docs,examples,models}/**/*.md}', {
      cwd: root,
      exclude: ['**/node_modules/**'],
    }))
      write(path, `# ${path}\n`);
    for (const path of globSync('docs/.vitepress/{*.ts,theme/*}', { cwd: root })) {
      write(path, readFileSync(join(root, path), 'utf8'));
    }
    write('package.json', '{"type": "module"}');
    symlinkSync(join(root, 'docs/.vitepress/node_modules'), join(copy, 'docs/.vitepress/node_modules'));
  });

  it.each([
    [
      'a link to a file that does not exist',
      '[link](lost.md)',
      /compared\.md links to lost\.md, which does not exist/,
    ],
    ['a template', '{{ text }}', /compared\.md has HTML or two braces outside of code: \{\{ text \}\}/],
    ['an error of the theme', '---\nlayout: home\nfeatures: [null]\n---\n', /Cannot read properties of null/],
    ['an element', 'An <Element/>.', /compared\.md has HTML or two braces outside of code: <Element\/>/],
  ])('%s', { timeout }, async (_, text, message) => {
    write(target, `${text}\n`);

    await expect(
      runShell('docs/.vitepress/node_modules/.bin/vitepress build docs', { cwd: copy }),
    ).rejects.toThrow(message);
  });
});
