// The playground in a real browser, on the real model. WRITE_SCREENSHOTS=true writes the pictures of the documentation.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bakePrefixes } from '../../tools/model/bake-prefixes.ts';
import { modelPath } from '../model/default-model.ts';
import {
  answerOf,
  apiKey,
  desktop,
  ended,
  executablePath,
  type Playground,
  phone,
  send,
  setDetails,
  setField,
  startPlayground,
  violations,
} from './playground-browser.ts';

const docs = join(import.meta.dirname, '../../docs');
const folder = mkdtempSync(join(tmpdir(), 'playground-'));

let playground: Playground;

beforeAll(async () => {
  if (executablePath === undefined) return;
  mkdirSync(join(folder, 'sources'));
  writeFileSync(
    join(folder, 'sources/poet.json'),
    JSON.stringify({ messages: [{ role: 'system', content: 'You are a poet who knows the sea.' }] }),
  );
  await bakePrefixes(
    { model: dirname(modelPath), from: join(folder, 'sources'), to: join(folder, 'baked') },
    { CONTEXT_SIZE: '1024', THREADS: '1' },
  );
  playground = await startPlayground({ PREFIX_DIR: join(folder, 'baked') });
});

afterAll(async () => {
  await playground?.end();
  rmSync(folder, { recursive: true });
});

beforeEach(() => {
  if (executablePath !== undefined) playground.complaints.length = 0;
});

describe.skipIf(executablePath === undefined)('the playground', () => {
  it('is for browsers only, and needs no key itself', async () => {
    const page = await fetch(playground.server.origin, { headers: { accept: 'text/html,*/*;q=0.8' } });
    const other = await fetch(playground.server.origin, { headers: { accept: '*/*' } });

    expect(page.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'sha256-\S+'; style-src 'sha256-\S+'; .*connect-src 'self';.*frame-ancestors 'none'$/,
    );
    expect(await page.text()).toMatch(/^<!doctype html>/);
    expect(await other.text()).toBe('Ollama is running');
  });

  it('streams a chat, shows its figures, and keeps it without the key', async () => {
    const page = await playground.open();
    await page.getByText('Other', { exact: true }).click();
    await setField(page, 'guided_choice', '["It is **Paris**, <img src=x onerror=alert(1)> on the Seine."]');
    await send(page, 'What is the capital of France?');
    await ended(page);

    expect(await answerOf(page).innerText()).toContain(
      'It is Paris, <img src=x onerror=alert(1)> on the Seine.',
    );
    expect(await answerOf(page).locator('strong').innerText()).toBe('Paris');
    expect(await page.locator('.strip').innerText()).toMatch(
      /First token\s+\d+ ms\s+Speed\s+[\d.]+ tokens\/s\s+Cached\s+\d+ of \d+ prompt tokens.*On Lambda\s+\$0\.0\d+/s,
    );
    await page.reload();
    await page.getByRole('button', { name: 'What is the capital of France?', exact: true }).click();
    expect(await answerOf(page).locator('strong').innerText()).toBe('Paris');
    expect(await page.getByLabel('API key').inputValue()).toBe('');
    expect(
      await page.evaluate('JSON.stringify(localStorage) + JSON.stringify(sessionStorage) + document.cookie'),
    ).not.toContain(apiKey);
    expect(playground.complaints).toEqual([]);
  });

  it('takes a system prompt from a baked prefix, which is then in the cache', async () => {
    const page = await playground.open();
    await page.getByLabel('From a baked prefix').selectOption('poet.json');
    await expect
      .poll(() => page.getByLabel('System prompt').inputValue())
      .toBe('You are a poet who knows the sea.');
    await setField(page, 'max_tokens', '4');
    await send(page, 'Hello');
    await ended(page);

    expect(await page.locator('.strip').innerText()).toMatch(/Cached\s+[1-9]\d* of/);
    expect(playground.complaints).toEqual([]);
  });

  it('stops an answer, and keeps what there is of it', async () => {
    const page = await playground.open();
    await page.getByLabel('ignore_eos').selectOption('true');
    await setField(page, 'temperature', '0');
    await send(page, 'Count from one to a thousand.');
    await page.locator('article[aria-busy=true] .markdown').getByText(/\w{3}/).first().waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.locator('article[aria-busy=true]').waitFor({ state: 'detached' });

    expect((await answerOf(page).innerText()).length).toBeGreaterThan('Model'.length);
    expect(await page.getByRole('alert').count()).toBe(0);
    await expect.poll(() => playground.server.metric('requests_processing')).toBe(0);
    expect(playground.complaints).toEqual([]);
  });

  it('checks JSON by its schema, and shows the alternatives to each token', async () => {
    const page = await playground.open();
    await page.getByText('JSON schema').click();
    await page.getByRole('button', { name: 'Example' }).first().click();
    await page.getByText('Probabilities', { exact: true }).click();
    await setField(page, 'Alternatives to each token', '3');
    await setField(page, 'temperature', '0');
    await send(page, 'Describe Paris.');
    await page.getByText('Checked: it matches the schema.').waitFor();
    await page.getByText('Tokens and their probabilities').click();
    await page.locator('.token').nth(1).hover();

    expect(await page.locator('.alternatives tr').count()).toBeGreaterThanOrEqual(3);
    await page.locator('.token').nth(1).focus();
    await page.keyboard.press('ArrowRight');
    const focused = "[...document.querySelectorAll('.token')].indexOf(document.activeElement)";
    expect(await page.evaluate(focused)).toBe(2);
    expect(await violations(page)).toEqual([]);
    expect(playground.complaints).toEqual([]);
  });

  it('has no barrier in light and dark, on a desktop and on a phone', async () => {
    const page = await playground.open();
    await setField(page, 'temperature', '0');
    await setField(page, 'max_tokens', '60');
    await setField(page, 'stop', '["2."]');
    await send(page, 'How do I make tea? Answer with a numbered list.');
    await ended(page);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await setDetails(page, false);
      if (process.env.WRITE_SCREENSHOTS === 'true') {
        await page.screenshot({ path: join(docs, `playground-${colorScheme}.png`) });
      }
      await setDetails(page, true);
      for (const viewport of [desktop, phone]) {
        await page.setViewportSize(viewport);
        expect(await violations(page), `${colorScheme}, ${viewport.width} pixels wide`).toEqual([]);
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(
          viewport.width,
        );
      }
      await page.setViewportSize(desktop);
    }
    expect(playground.complaints).toEqual([]);
  });
});
