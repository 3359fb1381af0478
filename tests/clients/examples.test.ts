// The programs in examples/, run as their README says. The signatures of a private URL are tested without a model.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { startObjectServer } from '../../bench/object-server.ts';
import { minilmDirectory } from '../model/fixtures/minilm.ts';
import { LanguageClient } from './language-client.ts';
import { pythonSetupTimeout, runPython, setUpPython } from './python-environment.ts';
import { startTestServer, type TestServer } from './test-server.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});

afterAll(async () => server.end());

const environment = () => ({ ...process.env, BASE_URL: `${server.origin}/v1`, PORT: '0' });

const start = (example: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) =>
  spawn(process.execPath, [`examples/${example}`, ...args], {
    cwd: root,
    env: { ...environment(), ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });

async function run(example: string, { input = '', args = [] as string[], env = {} } = {}): Promise<string> {
  const child = start(example, args, env);
  child.stdin.end(input);
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  expect({ example, code }).toEqual({ example, code: 0 });
  return output;
}

const linesOf = (output: string) => output.trimEnd().split('\n');

describe('examples', () => {
  it('sorts each ticket into one of the categories', async () => {
    const lines = linesOf(await run('classify-tickets.mjs'));

    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).toMatch(/^(billing|bug|feature request)(, urgent)?: /);
  });

  it('routes each ticket by the probabilities of the categories, or to a person', async () => {
    const lines = linesOf(await run('route-tickets.mjs'));

    expect(lines).toHaveLength(3);
    for (const line of lines) {
      const [, team, choice, percent] =
        /^(billing|bug|feature request|a person) \((billing|bug|feature request) (\d+)%\): /.exec(line) ?? [];
      expect(team, line).toBe(Number(percent) >= 50 ? choice : 'a person');
    }
  });

  it('extracts an order whose fields have their types', async () => {
    expect(await run('extract-order.mjs')).toMatch(
      /name: '.*',\s+item: '.*',\s+quantity: \d+,\s+due: '\d{4}-\d\d-\d\d'/s,
    );
  });

  it('has an agent that calls a tool and goes on with its result', async () => {
    expect(await run('agent.mjs')).toMatch(/^call: (countStock|orderItem) \{.*\}\nresult: \{.*\}\n/);
  });

  it(
    'has the same agent in LangChain',
    async () => {
      await setUpPython();
      const { code, stdout, stderr } = await runPython([`${root}examples/agent_langchain.py`], environment());

      expect({ code, stderr }).toMatchObject({ code: 0 });
      expect(stdout).toMatch(/^call: (count_stock|order_item) \{.*\}\nresult: .*\d+ pieces.*\n/);
    },
    pythonSetupTimeout,
  );

  it('completes the text before the cursor, and only for the last of two keystrokes', async () => {
    const client = new LanguageClient(start('language-server.mjs'));
    const uri = 'file:///a.txt';
    const typed = 'Roses are red.\nThe capital of France is';
    const complete = (character: number) =>
      client.request('textDocument/completion', { textDocument: { uri }, position: { line: 1, character } });
    try {
      expect(await client.request('initialize', {})).toMatchObject({
        result: { capabilities: { completionProvider: {} } },
      });
      client.notify('textDocument/didOpen', { textDocument: { uri, text: typed } });
      const [first, second] = await Promise.all([complete(10), complete(24)]);

      expect(first).toMatchObject({ error: { code: -32800 } });
      expect(second).toMatchObject({ result: [{ label: expect.stringContaining('Paris') }] });
    } finally {
      await client.end();
    }
  });

  it('finds the note that answers a question', async () => {
    const embedding = await startTestServer({ MODEL_DIR: await minilmDirectory() });
    try {
      const output = await run('semantic-search.mjs', { env: { BASE_URL: `${embedding.origin}/v1` } });

      expect(linesOf(output)[0]).toMatch(/^0\.\d\d Forgotten passwords/);
      expect(linesOf(output)).toHaveLength(4);
    } finally {
      await embedding.end();
    }
  }, 300_000);

  it('classifies each line of a file in S3, and says which failed', async () => {
    await using s3 = await startObjectServer();
    const lines = ['{"id": 1, "text": "A lovely lamp."}', '{"id": 2, "text": "It broke at once."}', ''];
    s3.objects.set('/inbox/reviews.jsonl', {
      bytes: Buffer.from(lines.join('\n')),
      headers: {},
      storedAt: new Date(),
    });
    const output = await run('nightly-batch.mjs', {
      env: { ...s3.env, INPUT: 's3://inbox/reviews.jsonl' },
    });

    const [, key = ''] =
      /^s3:\/(\/inbox\/reviews\.[\d-]+\.results\.jsonl): 2 lines, 0 failed/.exec(output) ?? [];
    const results = linesOf(s3.objects.get(key)?.bytes.toString() ?? '').map((line) => JSON.parse(line));
    expect(results).toEqual(
      [1, 2].map((id) => ({ id, sentiment: expect.stringMatching(/^(posi|nega)tive$/) })),
    );
  });

  it('summarises each file of a diff, as the workflow runs it', async () => {
    const diff = `diff --git a/shop.txt b/shop.txt
--- a/shop.txt
+++ b/shop.txt
@@ -1 +1 @@
-The shop opens at nine.
+The shop opens at eight.
diff --git a/old.txt b/old.txt
deleted file mode 100644
--- a/old.txt
+++ /dev/null
@@ -1 +0,0 @@
-Nothing.
`;
    const workflow = parse(readFileSync(`${root}examples/summarize-pull-request.yml`, 'utf8'));
    const commands = (workflow.jobs.summarize.steps as { run?: string }[]).flatMap(
      ({ run: command }) => command ?? [],
    );

    expect(commands.join('\n')).toContain('| node examples/summarize-pull-request.mjs |');
    expect(linesOf(await run('summarize-pull-request.mjs', { input: diff }))).toEqual([
      expect.stringMatching(/^- `shop\.txt`: \S/),
      expect.stringMatching(/^- `old\.txt`: \S/),
    ]);
  });

  it('has a webhook that answers with a summary', async () => {
    const child = start('webhook.mjs');
    try {
      const url = await firstLine(child);
      const response = await fetch(url, {
        method: 'POST',
        body: 'The shop opens at nine and closes at six.',
      });

      expect(response.status).toBe(200);
      expect((await response.text()).trim()).not.toBe('');
    } finally {
      child.kill();
      await once(child, 'close');
    }
  });
});

async function firstLine({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new Error('The program has no output.');
  const [line] = (await once(stdout.setEncoding('utf8'), 'data')) as [string];
  return line.trim();
}
