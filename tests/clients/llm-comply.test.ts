// llm-comply's chat tests. They validate answers by OpenAI's own schemas.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { model } from '../model/default-model.ts';
import { pythonSetupTimeout, runPython, setUpPython } from './python-environment.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/**
 * All tests except the one for models that think: llm-comply runs it only for the names of OpenAI's models.
 */
const cases = [
  'chat-basic-response',
  'chat-system-prompt',
  'chat-multi-turn',
  'chat-tool-calling',
  'chat-streaming-response',
  'chat-streaming-usage',
  'chat-image-input',
  'chat-error-handling',
];

let server: TestServer;

beforeAll(async () => {
  await setUpPython();
  // llm-comply sends an image to every model. A small context, because a model this small may fill it.
  // It expects that a chat without a model is refused.
  server = await startTestServer({ IMAGE_PARTS: 'placeholder', CONTEXT_SIZE: '512', STRICT_MODEL: 'true' });
}, pythonSetupTimeout);

afterAll(async () => {
  await server.end();
});

function comply(...args: string[]) {
  return runPython([
    '-c',
    'from llm_comply.cli import main; main()',
    '--format',
    'openai-chat',
    '--base-url',
    `${server.origin}/v1`,
    '--api-key',
    'none',
    '--model',
    model.name,
    '--json',
    ...args,
  ]);
}

describe('llm-comply', () => {
  it('has these tests and no others', async () => {
    const { stdout } = await comply('--list');

    expect([...stdout.matchAll(/\bchat-[a-z-]+/g)].map(([id]) => id).toSorted()).toEqual(
      [...cases, 'chat-reasoning-summary'].toSorted(),
    );
  });

  // Retries, because the requests set no seed, and most tests need an answer that the model ends by itself.
  it.each(cases)('passes %s', { retry: 4 }, async (id) => {
    const { stdout } = await comply('--filter', id, '--timeout', '100');

    expect(JSON.parse(stdout).results).toMatchObject([{ id, status: 'passed' }]);
  });
});
