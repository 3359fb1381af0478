// Files that other programs read, by those programs' published JSON Schemas, which check-jsonschema contains.
import { globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { findBlock } from '../documents.ts';
import { lint, linterTimeout } from './linters.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'schemas-'));
afterAll(() => rmSync(folder, { recursive: true }));

const compose = findBlock('docs/self-host.md', 'yaml', 'services:');

function writeCompose(text: string): string {
  const path = join(folder, 'compose.yaml');
  writeFileSync(path, text);
  return path;
}

const validate = (schema: string, paths: readonly string[]) =>
  lint('check-jsonschema', '--builtin-schema', `vendor.${schema}`, ...paths);

it.each([
  ['renovate', ['renovate.json']],
  ['github-issue-forms', globSync('.github/ISSUE_TEMPLATE/*.yml', { cwd: root })],
  ['github-workflows', globSync('{.github/workflows,examples}/*.yml', { cwd: root })],
  ['compose-spec', [writeCompose(compose)]],
])('the schema %s accepts %j', { timeout: linterTimeout }, async (schema, paths) => {
  expect(await validate(schema, paths)).toEqual({ code: 0, output: 'ok -- validation done\n' });
});

it('the schema of compose files refuses an unknown setting', { timeout: linterTimeout }, async () => {
  const { code, output } = await validate('compose-spec', [
    writeCompose(compose.replace('mem_limit', 'memory_limit')),
  ]);

  expect({ code, output }).toMatchObject({ code: 1, output: expect.stringContaining('memory_limit') });
});
