// What people do in the playground: completions, tools, settings, copied requests, conversations, all by keyboard too.
import { execFile } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  answerOf,
  apiKey,
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
import { pythonSetupTimeout, runPython, setUpPython } from './python-environment.ts';

const execute = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));

let playground: Playground;

beforeAll(async () => {
  if (executablePath !== undefined) playground = await startPlayground();
});

afterAll(async () => {
  await playground?.end();
});

beforeEach(() => {
  if (executablePath !== undefined) playground.complaints.length = 0;
});

/** The body of the next request for an answer. */
async function nextBody(page: Page, action: () => Promise<void>): Promise<Record<string, unknown>> {
  const requested = page.waitForRequest((request) => /\/v1\/(?:chat\/)?completions$/.test(request.url()));
  await action();
  return (await requested).postDataJSON() as Record<string, unknown>;
}

/** Presses Tab until the element that has the focus matches a selector. */
async function tabTo(page: Page, selector: string): Promise<void> {
  for (let presses = 0; presses < 150; presses += 1) {
    if (await page.evaluate(`document.activeElement.matches(${JSON.stringify(selector)})`)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`No Tab reaches ${selector}.`);
}

describe.skipIf(executablePath === undefined)('the playground', () => {
  it('completes a text on a phone, with the probabilities of its tokens', async () => {
    const page = await playground.open({ viewport: phone, hasTouch: true, isMobile: true });
    await page.getByLabel('Completion').tap();
    await setField(page, 'temperature', '0');
    await setField(page, 'max_tokens', '6');
    await setDetails(page, true);
    await setField(page, 'Alternatives to each token', '2');
    await page.getByLabel('Prompt', { exact: true }).fill('The capital of France is');
    await page.getByRole('button', { name: 'Send' }).tap();
    await ended(page);

    expect(await answerOf(page).locator('.plain').innerText()).toMatch(/^ ?Paris/);
    expect(await page.getByLabel('Prompt', { exact: true }).inputValue()).toBe('The capital of France is');
    await setDetails(page, true);
    await page.locator('.token').first().tap();
    expect(await page.locator('.alternatives caption').innerText()).toMatch(/Paris, \d+\.\d%/);
    expect(await page.locator('.alternatives tr').count()).toBeGreaterThanOrEqual(2);
    expect(await violations(page)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(phone.width);
    expect(playground.complaints).toEqual([]);
  });

  it('checks the arguments of a call, takes its result, and goes on', async () => {
    const page = await playground.open();
    await setDetails(page, true);
    await page.getByRole('button', { name: 'Example' }).nth(1).click();
    await setField(page, 'temperature', '0');
    await setField(page, 'max_tokens', '60');
    await setField(page, 'tool_choice', 'required');
    await send(page, 'What is the weather in Paris?');
    await page.getByLabel('Result of get_weather').first().waitFor();

    expect(await page.locator('.call code').first().innerText()).toMatch(/^get_weather\(\{.*"city".*\}\)$/s);
    expect(await page.locator('.call .check').first().innerText()).toBe('✓ Checked: it matches the schema.');
    expect(await violations(page)).toEqual([]);

    // Another schema than the one that the model had.
    const tools = page.getByLabel('Functions that the model may call');
    const example = await tools.inputValue();
    await tools.fill(example.replaceAll('"city"', '"town"'));
    expect(await page.locator('.call .check.bad').first().innerText()).toMatch(
      /^✗ It does not match the schema/,
    );
    await tools.fill(example);

    await setField(page, 'tool_choice', 'none');
    for (const result of await page.getByLabel('Result of get_weather').all()) {
      await result.fill('{"sky": "clear", "celsius": 21}');
    }
    const body = await nextBody(page, () => page.getByRole('button', { name: 'Send the results' }).click());
    await ended(page);
    // The small model may call more than once.
    const [, { tool_calls: called }] = body.messages as [unknown, { tool_calls: readonly { id: string }[] }];
    const calls = called.map(({ id }) => id);
    expect(body.messages).toMatchObject([
      { role: 'user' },
      { role: 'assistant', tool_calls: calls.map((id) => ({ id, function: { name: 'get_weather' } })) },
      ...calls.map((id) => ({ role: 'tool', tool_call_id: id, content: '{"sky": "clear", "celsius": 21}' })),
    ]);
    expect(await answerOf(page).locator('.markdown').innerText()).toMatch(/\w/);
    expect(playground.complaints).toEqual([]);
  });

  it('sends every setting that it shows, says its meaning, and takes it back', async () => {
    const page = await playground.open();
    await setDetails(page, true);
    const values: Readonly<Record<string, string>> = {
      stop: '["zzz"]',
      max_tokens: '4',
      t_max_predict_ms: '10000',
      logit_bias: '{"5": 1}',
      dry_sequence_breakers: '["\\n"]',
      samplers: '["top_k", "temperature"]',
      reasoning_effort: 'none',
      tool_choice: 'none',
      cache_prompt: 'exact',
      guided_choice: '["yes", "no"]',
    };
    // A request may have one constraint of its text: guided_choice.
    const others = ['grammar', 'guided_regex'];
    const expected: Record<string, unknown> = {};
    const unexplained: string[] = [];
    for (const field of await page.locator('.settings .field:has(code)').all()) {
      const name = await field.locator('code').innerText();
      const input = field.locator('input, select');
      if (!/\w{3}/.test(await field.locator('small').innerText())) unexplained.push(name);
      expect(await input.getAttribute('aria-describedby')).toBe(
        await field.locator('small').getAttribute('id'),
      );
      if (others.includes(name)) continue;
      if ((await field.locator('select').count()) > 0) {
        await input.selectOption('true');
        expected[name] = true;
        continue;
      }
      const { [name]: value = '1' } = values;
      await input.fill(value);
      await input.press('Tab');
      expected[name] = /^[\d[{]/.test(value) ? JSON.parse(value) : value;
    }
    expect(unexplained).toEqual([]);
    expect(Object.keys(expected).length).toBeGreaterThan(25);
    const body = await nextBody(page, () => send(page, 'Is the sky blue?'));
    await ended(page);

    expect(body).toMatchObject(expected);
    expect(await page.getByRole('alert').count()).toBe(0);
    await page.getByRole('button', { name: 'Reset the settings' }).click();
    await setField(page, 'max_tokens', '2');
    const plain = await nextBody(page, () => send(page, 'Is the sky blue?'));
    await ended(page);
    expect(Object.keys(plain).sort()).toEqual([
      'max_tokens',
      'messages',
      'model',
      'stream',
      'timings_per_token',
    ]);
    expect(playground.complaints).toEqual([]);
  });

  it('shows a refused value as the server says it', async () => {
    const page = await playground.open();
    await setField(page, 'temperature', '-1');
    await send(page, 'Hello');

    expect(await page.getByRole('alert').innerText()).toContain('temperature');
  });

  it(
    'copies the last request as commands that run, without the key',
    async () => {
      await setUpPython();
      const page = await playground.open({ permissions: ['clipboard-read', 'clipboard-write'] });
      await setField(page, 'temperature', '0');
      await setField(page, 'max_tokens', '12');
      await send(page, 'What is "2 + 2"? It\'s easy.');
      await ended(page);
      const shown = (await answerOf(page).locator('.markdown').innerText()).replaceAll(/\s+/g, ' ').trim();
      const copied: Record<string, string> = {};
      for (const language of ['curl', 'Node', 'Python']) {
        await page.getByRole('button', { name: language, exact: true }).click();
        await page.getByText('Copied.').waitFor();
        const text = (await page.evaluate('navigator.clipboard.readText()')) as string;
        expect((await page.locator('.copy pre').innerText()).trimEnd()).toBe(text.trimEnd());
        expect(text).not.toContain(apiKey);
        copied[language] = text;
        await page.getByRole('button', { name: 'Hide' }).click();
      }

      const env = { ...process.env, API_KEY: apiKey };
      const script = join(root, 'tests/clients/.copied.mjs');
      writeFileSync(script, copied.Node ?? '');
      try {
        const curl = await execute('sh', ['-c', copied.curl ?? ''], { env });
        const node = await execute(process.execPath, [script], { env });
        const python = await runPython(['-c', copied.Python ?? ''], { API_KEY: apiKey });
        const answers = [
          (JSON.parse(curl.stdout) as { choices: [{ message: { content: string } }] }).choices[0].message
            .content,
          node.stdout,
          python.stdout,
        ];
        expect(answers.map((each) => each.replaceAll(/\s+/g, ' ').trim())).toEqual([shown, shown, shown]);
      } finally {
        rmSync(script, { force: true });
      }
    },
    pythonSetupTimeout,
  );

  it('keeps conversations, and exports, deletes and imports them', async () => {
    const page = await playground.open({ acceptDownloads: true });
    await setField(page, 'max_tokens', '3');
    await send(page, 'First of two');
    await ended(page);
    await page.getByRole('button', { name: 'New conversation' }).first().click();
    expect(await page.locator('article').count()).toBe(0);
    await send(page, 'Second of two');
    await ended(page);

    const downloading = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Export' }).click();
    const file = join(tmpdir(), `conversations-${process.pid}.json`);
    await (await downloading).saveAs(file);
    const exported = readFileSync(file, 'utf8');
    expect(JSON.parse(exported)).toMatchObject({
      version: 1,
      conversations: [
        { messages: [{ content: 'Second of two' }, {}] },
        { messages: [{ content: 'First of two' }, {}] },
      ],
    });
    expect(exported).not.toContain(apiKey);

    const titles = () => page.locator('.sidebar .title').allInnerTexts();
    for (const title of ['First of two', 'Second of two']) {
      await page.getByRole('button', { name: `Delete: ${title}` }).click();
    }
    expect(await titles()).toEqual(['New conversation']);
    await page.getByLabel('Import').setInputFiles(file);
    await expect.poll(titles).toEqual(expect.arrayContaining(['First of two', 'Second of two']));
    expect(await page.locator('article.user').innerText()).toContain('Second of two');

    await page.getByLabel('Import').setInputFiles({
      name: 'other.json',
      mimeType: 'application/json',
      buffer: Buffer.from('{"version": 7}'),
    });
    expect(await page.getByRole('alert').innerText()).toContain('The file has no conversations of this page');
    await page.reload();
    await expect.poll(titles).toEqual(expect.arrayContaining(['First of two', 'Second of two']));
    rmSync(file);
    expect(playground.complaints).toEqual([]);
  });

  it('is used with the keyboard alone', async () => {
    const page = await playground.visit();
    await tabTo(page, 'input[type=password]');
    await page.keyboard.type(apiKey);
    await page.keyboard.press('Tab');
    await page.getByText('Length', { exact: true }).waitFor();
    await tabTo(page, '#message');
    // Backwards from there would be shorter. The settings follow the composer.
    await tabTo(page, '#ignore_eos');
    await page.keyboard.press('t');
    await tabTo(page, 'summary');
    await page.keyboard.press('Enter');
    await tabTo(page, 'button.title, .sidebar button.primary');
    await tabTo(page, '#message');
    await page.keyboard.type('Count from one to a thousand.');
    await page.keyboard.press('Enter');
    await page.locator('article[aria-busy=true] .markdown').getByText(/\w{3}/).first().waitFor();
    await page.keyboard.press('Escape');
    await page.locator('article[aria-busy=true]').waitFor({ state: 'detached' });

    expect(await answerOf(page).innerText()).toMatch(/\w/);
    await tabTo(page, '.sidebar input[type=file]');
    await tabTo(page, '.copy button');
    await page.keyboard.press('Enter');
    expect(await page.locator('.copy pre').innerText()).toContain('curl');
    await tabTo(page, '.sidebar li button:not(.title)');
    await page.keyboard.press('Enter');
    expect(await page.locator('article').count()).toBe(0);
    expect(playground.complaints).toEqual([]);
  });

  it('shows its figures while the answer grows', async () => {
    const page = await playground.open();
    await page.getByLabel('ignore_eos').selectOption('true');
    await send(page, 'Count from one to a thousand.');
    const figure = (name: string) =>
      page.locator('.strip div', { has: page.getByText(name, { exact: true }) }).locator('dd');
    await figure('Speed')
      .getByText(/\d tokens\/s/)
      .waitFor();
    await figure('First token')
      .getByText(/^\d+ ms$/)
      .waitFor();
    const early = await figure('On Lambda').innerText();
    await expect.poll(() => figure('On Lambda').innerText()).not.toBe(early);

    expect(await figure('Cached').innerText()).toMatch(/^\d+ of \d+ prompt tokens$/);
    expect(await figure('Context').innerText()).toMatch(/^\d+ of 1,024 tokens$/);
    expect(await figure('Memory').innerText()).toMatch(/^\d+ of [\d,]+ MB$/);
    expect(await page.locator('article[aria-busy=true]').count()).toBe(1);
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.locator('article[aria-busy=true]').waitFor({ state: 'detached' });
    await page.getByText('How the cost is computed').click();
    const cost = await figure('On Lambda').innerText();
    await page.locator('.strip select').first().selectOption('10240');
    expect(await figure('On Lambda').innerText()).not.toBe(cost);
  });

  it('is dark in a dark system, and light in a light one', async () => {
    const background = async (colorScheme: 'dark' | 'light') => {
      const page = await playground.visit({ colorScheme });
      const colour = (await page.evaluate('getComputedStyle(document.body).backgroundColor')) as string;
      return (colour.match(/\d+/g) ?? []).slice(0, 3).reduce((sum, each) => sum + Number(each), 0);
    };

    expect(await background('dark')).toBeLessThan(200);
    expect(await background('light')).toBeGreaterThan(600);
  });
});
