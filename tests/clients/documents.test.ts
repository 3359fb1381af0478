// The snippets of README.md and docs/, read from these files and run as they stand there, on a server of another port.
import { execFile } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pythonSetupTimeout, runPython, setUpPython } from './python-environment.ts';
import { startTestServer, type TestServer } from './test-server.ts';

const execute = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
/** Within the project, so that imports find its packages. */
const script = fileURLToPath(new URL('.snippet.mjs', import.meta.url));

let server: TestServer;

beforeAll(async () => {
  await setUpPython();
  server = await startTestServer();
}, pythonSetupTimeout);

afterAll(async () => {
  rmSync(script, { force: true });
  await server.end();
});

/** The blocks of a language in a document, with the server's own address. */
function readBlocks(document: string, language: string): string[] {
  const text = readFileSync(join(root, document), 'utf8');
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, block = '']) =>
    block.replaceAll('http://127.0.0.1:8000', server.origin),
  );
}

async function runNode(source: string): Promise<string> {
  writeFileSync(script, source);
  return (await execute(process.execPath, [script], { cwd: root })).stdout;
}

const curls = (document: string) => readBlocks(document, 'sh').filter((block) => block.startsWith('curl '));

async function runCurl(command: string): Promise<Record<string, unknown>> {
  const { stdout } = await execute('sh', ['-c', command]);
  return JSON.parse(stdout) as Record<string, unknown>;
}

describe('README.md', () => {
  it('has a chat that answers as shown', async () => {
    const [chat = '', invoke = ''] = curls('README.md');
    const [shown = ''] = readBlocks('README.md', 'json');

    const expected = JSON.parse(shown) as Record<string, unknown>;
    expect(await runCurl(chat)).toMatchObject(expected);
    expect(await runCurl(invoke)).toMatchObject({ object: 'text_completion' });
  });

  it("has a program for OpenAI's client that prints the answer", async () => {
    const [program = ''] = readBlocks('README.md', 'js');

    expect(await runNode(program)).toContain('Paris');
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
    const [node = ''] = readBlocks('docs/start.md', 'js');
    const [python = ''] = readBlocks('docs/start.md', 'python');

    expect(await runNode(node)).toContain('Paris');
    expect(await runPython(['-c', python])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Paris'),
    });
  });
});
