// `npm run model -- check` and `prefixes` as processes, on the real model.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { model, modelPath } from './default-model.ts';

const cli = fileURLToPath(new URL('../../tools/model/cli.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'check-'));

/** Like Llama 3.2's: writes today's date unless it is given another one. */
const dated = `{%- if not date_string is defined %}
{%- if strftime_now is defined %}{%- set date_string = strftime_now("%d %b %Y") %}{%- else %}{%- set date_string = "26 Jul 2024" %}{%- endif %}
{%- endif %}
{{- 'Today: ' + date_string + '\\n' }}
{%- for message in messages %}{{- message.role + ': ' + message.content + '\\n' }}{%- endfor %}
{%- if add_generation_prompt %}{{- 'assistant: ' }}{%- endif %}`;

function run(env: Readonly<Record<string, string>>, ...args: string[]) {
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    // Two threads wait for each other, and on a busy machine for long.
    const options = { env: { ...process.env, THREADS: '1', ...env } };
    execFile(process.execPath, [cli, ...args], options, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

beforeAll(() => {
  writeFileSync(join(folder, 'dated.jinja'), dated);
  for (const [name, fields] of Object.entries({
    plain: {},
    pinned: { chat_template_kwargs: { date_string: '26 Jul 2024' } },
  })) {
    mkdirSync(join(folder, name));
    const messages = [{ role: 'system', content: 'You are a poet.' }];
    writeFileSync(join(folder, name, 'poet.json'), JSON.stringify({ messages, ...fields }));
  }
});

afterAll(() => rmSync(folder, { recursive: true }));

describe('check', () => {
  it('shows what the model can, and how it answers', async () => {
    const { code, stdout } = await run({}, 'check', model.name);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^system messages +yes\ntools +no: the system message describes them\n/m);
    expect(stdout).toMatch(/^thinking +no$/m);
    expect(stdout).toContain('  <|im_start|>system\n');
    expect(stdout).toMatch(/^text: .+, [\d.]+ tokens\/s$/m);
    expect(stdout).toMatch(/^JSON of a schema: \{ ?"city": ?".*" ?\}, [\d.]+ tokens\/s$/m);
    expect(stdout).toMatch(/^a call: get_weather\(\{ ?"city": ?".*" ?\}\), [\d.]+ tokens\/s$/m);
  });

  it('takes one of llama.cpp’s templates by CHAT_TEMPLATE, and says that a date is written', async () => {
    const named = await run({ CHAT_TEMPLATE: 'llama2-sys-bos' }, 'check', model.name);
    expect(named.stdout).toContain('  [INST] <<SYS>>\n');
    const dates = await run({ CHAT_TEMPLATE: join(folder, 'dated.jinja') }, 'check', model.name);
    expect(dates.stdout).toMatch(/^date +it writes today's, "\d\d [A-Z][a-z]{2} \d{4}"/m);
    const unknown = await run({ CHAT_TEMPLATE: 'llama9' }, 'check', model.name);
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('CHAT_TEMPLATE') });
  }, 240_000);
});

describe('add', () => {
  it('asks a model that it adds', async () => {
    const catalog = join(folder, 'catalog.json');
    const project = fileURLToPath(new URL('../../models/catalog.json', import.meta.url));
    writeFileSync(catalog, readFileSync(project));
    const env = { MODEL_STORE: join(folder, 'store'), MODEL_CATALOG: catalog };
    const { code, stdout } = await run(env, 'add', modelPath, '--link', '--name', 'added');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Added added: /m);
    expect(stdout).toMatch(/^system messages +yes$/m);
    expect(stdout).toMatch(/^a call: get_weather\(/m);
    const small = { ...env, AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '64' };
    const refused = await run(small, 'add', modelPath, '--link', '--name', 'large');
    expect(refused.code).toBe(0);
    expect(refused.stdout).toMatch(/^It was not asked three questions: .*memory/m);
  }, 240_000);
});

describe('prefixes of chats whose template writes the date', () => {
  const bake = (from: string, env: Readonly<Record<string, string>> = {}) =>
    run(
      { CHAT_TEMPLATE: join(folder, 'dated.jinja'), CONTEXT_SIZE: '1024', ...env },
      ...[
        'prefixes',
        '--model',
        dirname(modelPath),
        '--from',
        join(folder, from),
        '--to',
        join(folder, 'baked'),
      ],
    );

  it('are refused, also where the system has another language', async () => {
    const today = new Date().toLocaleDateString('en-GB', { day: '2-digit', month: 'short', year: 'numeric' });
    for (const env of [{}, { LC_ALL: 'de_DE.UTF-8', LANGUAGE: 'de', LANG: 'de_DE.UTF-8' }]) {
      const { code, stderr } = await bake('plain', env);
      expect(code).toBe(1);
      expect(stderr).toContain(
        `poet.json: the model's chat template writes today's date, "${today.replace('Sept', 'Sep')}", so tomorrow no chat begins like this.`,
      );
    }
  });

  it('are baked with a date of their own', async () => {
    expect(await bake('pinned')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^poet\.json: \d+ tokens\./m),
    });
  });
});
