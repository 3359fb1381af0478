// The page at `/` of a function that serves it.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { answer } from '../../../src/http/answer.ts';
import { model, toContext } from '../api/fake-service.ts';
import { FakeEngine } from '../fake-engine.ts';

const folder = mkdtempSync(join(tmpdir(), 'playground-page-'));
const file = join(folder, 'playground.html');
afterAll(() => rmSync(folder, { recursive: true }));

const get = (accept: string, playground?: string) =>
  answer(
    { method: 'GET', path: '/', headers: { accept }, body: new Uint8Array() },
    { engine: new FakeEngine(), model, playground },
    toContext(),
  );

it('gives browsers the page where it is served, and the others a line', async () => {
  const html = '<!doctype html><style>a{}</style><script>run()</script>';
  writeFileSync(file, html);
  const hash = createHash('sha256').update('run()').digest('base64');

  expect(await get('text/html,*/*', file)).toMatchObject({
    status: 200,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': expect.stringContaining(`script-src 'sha256-${hash}'; style-src 'sha256-`),
    },
    body: html,
  });
  expect(await get('*/*', file)).toMatchObject({ status: 200, body: 'Ollama is running' });
  expect(await get('text/html')).toMatchObject({ status: 200, body: 'Ollama is running' });
});
