// The programs in examples/, run as their README says, on one server. Those of a private URL are tested with its signatures.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from './test-server.ts';

const execute = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});

afterAll(async () => server.end());

const environment = () => ({ ...process.env, BASE_URL: `${server.origin}/v1`, PORT: '0' });

async function run(example: string): Promise<string> {
  const { stdout } = await execute(process.execPath, [`examples/${example}`], {
    cwd: root,
    env: environment(),
  });
  return stdout;
}

describe('examples', () => {
  it('sorts each ticket into one of the categories', async () => {
    const lines = (await run('classify-tickets.mjs')).trimEnd().split('\n');

    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).toMatch(/^(billing|bug|feature request)(, urgent)?: /);
  });

  it('extracts an order whose fields have their types', async () => {
    expect(await run('extract-order.mjs')).toMatch(
      /name: '.*',\s+item: '.*',\s+quantity: \d+,\s+due: '\d{4}-\d\d-\d\d'/s,
    );
  });

  it('has an agent that calls a tool and goes on with its result', async () => {
    expect(await run('agent.mjs')).toMatch(/^call: (countStock|orderItem) \{.*\}\nresult: \{.*\}\n/);
  });

  it('has a webhook that answers with a summary', async () => {
    const child = spawn(process.execPath, ['examples/webhook.mjs'], { cwd: root, env: environment() });
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
