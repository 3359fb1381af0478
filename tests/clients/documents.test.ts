// The snippets of README.md and docs/, read from these files and run as they stand there, on a server of another port.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { documentedCommands, pages, readBlocks } from '../documents.ts';
import { pythonSetupTimeout, runPython, setUpPython } from './python-environment.ts';
import { startTestServer, type TestServer } from './test-server.ts';

const execute = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
/** Within the project, so that imports find its packages. */
const script = fileURLToPath(new URL('.snippet.mjs', import.meta.url));

/** Some programs go on from a stored response. */
const responses = mkdtempSync(join(tmpdir(), 'responses-'));

let server: TestServer;

beforeAll(async () => {
  await setUpPython();
  // A small model may go on until the context is full, where a snippet has no limit.
  server = await startTestServer({ CONTEXT_SIZE: '512', RESPONSES_DIR: responses });
}, pythonSetupTimeout);

afterAll(async () => {
  rmSync(script, { force: true });
  rmSync(responses, { recursive: true });
  await server.end();
});

const atServer = (block: string) => block.replaceAll('http://127.0.0.1:8000', server.origin);
const findBlocks = (document: string, language: string) =>
  readBlocks(document).flatMap((block) => (block.language === language ? [atServer(block.text)] : []));

async function runNode(source: string): Promise<string> {
  writeFileSync(script, source);
  return (await execute(process.execPath, [script], { cwd: root })).stdout;
}

const curls = (document: string) => findBlocks(document, 'sh').filter((block) => block.startsWith('curl '));

async function runCurl(command: string): Promise<Record<string, unknown>> {
  const { stdout } = await execute('sh', ['-c', command]);
  // Ollama's stream is lines of JSON.
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>;
}

/** Pages whose programs begin with a client that the page has shown before. */
const prelude = () => `
import OpenAI from 'openai';
const client = new OpenAI({ baseURL: '${server.origin}/v1', apiKey: 'none', maxRetries: 0 });
const model = 'any';
`;

const blocks = pages.flatMap(readBlocks);

describe('every page', () => {
  it.each(documentedCommands.filter(({ command }) => command.startsWith('curl ')))(
    '$document: the server answers $command',
    async ({ command }) => {
      const answer = await runCurl(atServer(command));

      expect(answer.error).toBeUndefined();
      expect(answer.errorMessage).toBeUndefined();
    },
  );

  it.each(blocks.filter(({ language }) => language === 'js'))(
    '$document: the program runs: $text',
    async ({ text }) => {
      await runNode(text.includes("from 'openai'") ? atServer(text) : `${prelude()}${text}`);
    },
  );
});

describe('README.md', () => {
  it('has a chat that answers as shown', async () => {
    const [chat = '', invoke = ''] = curls('README.md');
    const [shown = ''] = findBlocks('README.md', 'json');

    const expected = JSON.parse(shown) as Record<string, unknown>;
    expect(await runCurl(chat)).toMatchObject(expected);
    expect(await runCurl(invoke)).toMatchObject({ object: 'text_completion' });
  });

  it("has a program for OpenAI's client that prints the answer", async () => {
    const [program = ''] = findBlocks('README.md', 'js');

    expect(await runNode(program)).toContain('Paris');
  });
});

describe('docs/decisions.md', () => {
  it('shows the answer of its request', async () => {
    const [request = ''] = curls('docs/decisions.md');
    const [shown = ''] = findBlocks('docs/decisions.md', 'json');
    const answerOf = ({ answers, usage }: Record<string, unknown>) => ({
      usage,
      // Probabilities differ a little between processors.
      answers: (answers as { type: string; name: string; choice?: string }[]).map(
        ({ type, name, choice }) => ({
          type,
          name,
          choice,
        }),
      ),
    });

    const answer = answerOf(await runCurl(request));
    expect(answer).toMatchObject(answerOf(JSON.parse(shown) as Record<string, unknown>));
  });
});

describe('docs/structured-output.md', () => {
  it('has a request that is answered by its schema, and one that is answered by a call', async () => {
    const [ticket = '', weather = ''] = curls('docs/structured-output.md');
    const messageOf = async (command: string) => {
      const { choices } = (await runCurl(command)) as { choices: { message: unknown }[] };
      return choices[0]?.message as { content: string; tool_calls: { function: { arguments: string } }[] };
    };

    expect(JSON.parse((await messageOf(ticket)).content)).toMatchObject({ urgent: expect.any(Boolean) });
    const [call] = (await messageOf(weather)).tool_calls;
    expect(JSON.parse(call?.function.arguments ?? '')).toEqual({ city: expect.any(String) });
  });
});

describe('docs/start.md', () => {
  it('has requests for curl that are answered', async () => {
    const commands = curls('docs/start.md');

    expect(commands).toHaveLength(2);
    const [chat, extraction] = await Promise.all(commands.map(runCurl));
    expect(chat).toMatchObject({ object: 'chat.completion' });
    const { choices } = extraction as { choices: [{ message: { content: string } }] };
    expect(JSON.parse(choices[0].message.content)).toMatchObject({
      name: expect.any(String),
      born: expect.any(Number),
    });
  });

  it('has programs in Node and Python that print the answer', async () => {
    const [node = ''] = findBlocks('docs/start.md', 'js');
    const [python = ''] = findBlocks('docs/start.md', 'python');

    expect(await runNode(node)).toContain('Paris');
    expect(await runPython(['-c', python])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Paris'),
    });
  });
});
