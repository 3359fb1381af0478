import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { GenerationEvent } from '../../../src/engine/engine.ts';
import { Telemetry, type TelemetryOptions } from '../../../src/telemetry/telemetry.ts';
import { BrokenEngine, FakeEngine } from '../fake-engine.ts';
import { loadTelemetry, model, post, startCompletion, startStream } from './pipelines.ts';
import { catchPrinted, type Printed } from './printed.ts';

let printed: Printed;
beforeEach(() => {
  printed = catchPrinted();
});
afterEach(() => vi.restoreAllMocks());

const reporters: [string, (options?: TelemetryOptions) => Telemetry | Promise<Telemetry>][] = [
  ['the console', (options) => new Telemetry(options)],
  ['Powertools', loadTelemetry],
];

/** Every prompt contains this word. */
const promptWord = 'quince';
/** Every generated text contains this word. */
const answerWord = 'medlar';

class LateFailure extends FakeEngine {
  override async *generate(): AsyncGenerator<GenerationEvent, void, void> {
    yield { type: 'text', text: `${answerWord} and`, tokens: [] };
    throw new Error('It burns.');
  }
}

class EndlessEngine extends FakeEngine {
  override async *generate(): AsyncGenerator<GenerationEvent, void, void> {
    for (;;) yield { type: 'text', text: answerWord, tokens: [] };
  }
}

const prompt = `The ${promptWord}`;
const messages = [{ role: 'user', content: prompt }];
const schema = { type: 'object', properties: { [promptWord]: { type: 'string' } } };

/** Request bodies by their description. */
const bodies = {
  'a completion': { prompt },
  'a chat': { model, messages },
  'a response': { instructions: promptWord, input: [{ role: 'user', content: promptWord }] },
  'a call of an unknown kind': { input: [{ type: promptWord, text: promptWord }], include: [promptWord] },
  'two choices': { prompt, n: 2 },
  'an answer that does not match its schema': { prompt, json_schema: { ...schema, required: [promptWord] } },
  'a wrong value': { prompt, temperature: promptWord },
  'an unknown field': { prompt, [promptWord]: promptWord },
  'another model': { prompt, model: promptWord },
  'a context that is too small': { prompt: promptWord.repeat(200) },
  'an invalid grammar': { prompt, grammar: promptWord },
  'a stop string': { prompt, stop: [promptWord] },
  'an unknown role': { model, messages: [{ role: promptWord, content: promptWord }] },
  'an invalid tool': {
    model,
    messages,
    tools: [{ type: 'function', function: { name: `${promptWord} ${promptWord}` } }],
  },
};

function toPath(body: object): string {
  if ('input' in body) return '/v1/responses';
  return 'messages' in body ? '/v1/chat/completions' : '/v1/completions';
}

describe.each(reporters)('the log of %s, by default', (_, load) => {
  it.each(Object.entries(bodies))('has neither the prompt nor the text of %s', async (_, body) => {
    const engine = () => new FakeEngine(` ${answerWord}`, { contextSize: 512 });
    const event = post(body, toPath(body));
    await startCompletion(await load(), engine())(event);
    await startCompletion(await load(), engine())(body).catch(() => {});
    await startStream(await load(), engine()).read(post({ ...body, stream: true }, toPath(body)));

    expect(printed.text).not.toMatch(/quince|medlar/);
  });

  it('has nothing of a body that is not JSON', async () => {
    await startCompletion(await load())({ ...post({}), body: `{"prompt": "${promptWord}" ${promptWord}` });

    expect(printed.text).not.toContain(promptWord);
  });

  it.each([
    ['an unexpected failure', new BrokenEngine()],
    ['a failure after the first text', new LateFailure()],
  ])('has neither prompt nor text after %s', async (_, engine) => {
    await startCompletion(await load(), engine)({ prompt }).catch(() => {});
    await startCompletion(await load(), engine)(post({ prompt }));
    await startStream(await load(), engine).read(post({ prompt, stream: true }));

    expect(printed.text).toMatch(/on fire|burns/);
    expect(printed.text).not.toMatch(/quince|medlar/);
  });

  it('has neither prompt nor text after the client disconnected', async () => {
    const { stream, done } = startStream(await load(), new EndlessEngine()).open(
      post({ prompt, stream: true }),
    );
    await once(stream, 'data');
    stream.destroy();
    await done.catch(() => {});

    expect(printed.text).not.toMatch(/quince|medlar/);
  });
});

describe('the console', () => {
  it('has no line for an answered request', async () => {
    const ask = startCompletion(new Telemetry());
    await ask({ prompt: 'Hi' });
    await ask(post({ prompt: 'Hi', temperature: -1 }));

    expect(printed.text).toBe('');
  });
});

/** The logged request bodies and texts, by either reporter. */
function findTranscript(): unknown[] {
  const isTranscript = (message: unknown) => message === 'Request body.' || message === 'Completions.';
  const pick = ({ body, texts }: Record<string, unknown>) => ({
    ...(body !== undefined && { body }),
    ...(texts !== undefined && { texts }),
  });
  const lines = printed.log.filter(({ message }) => isTranscript(message));
  const calls = printed.console.filter(([method, message]) => method === 'info' && isTranscript(message));
  return [...lines, ...calls.map(([, , fields]) => JSON.parse(String(fields)))].map(pick);
}

describe.each(reporters)('the log of %s, with LOG_PROMPTS', (_, load) => {
  const options = { logPrompts: true };

  it('has a direct invoke and its texts', async () => {
    const engine = new FakeEngine([' one', ' two'], { slots: 2 });
    await startCompletion(await load(options), engine)({ prompt, n: 2 });

    expect(findTranscript()).toEqual([{ body: { prompt, n: 2 } }, { texts: [' one', ' two'] }]);
  });

  it('has the unchanged body of an HTTP request', async () => {
    await startCompletion(await load(options))(post({ prompt }));

    expect(findTranscript()).toEqual([{ body: JSON.stringify({ prompt }) }, { texts: [' Paris.'] }]);
  });

  it('has the text of a stream that ended', async () => {
    await startStream(await load(options)).read(post({ prompt, stream: true }));

    expect(findTranscript()).toEqual([{ body: expect.stringContaining(promptWord) }, { texts: [' Paris.'] }]);
  });

  it('has the partial text of a stream that failed', async () => {
    await startStream(await load(options), new LateFailure()).read(post({ prompt, stream: true }));

    expect(findTranscript().at(-1)).toEqual({ texts: [`${answerWord} and`] });
  });

  it('has the partial text of a stream whose client disconnected', async () => {
    const event = post({ prompt, stream: true });
    const { stream, done } = startStream(await load(options), new EndlessEngine()).open(event);
    await once(stream, 'data');
    stream.destroy();
    await done.catch(() => {});

    expect(findTranscript().at(-1)).toEqual({ texts: [expect.stringMatching(/^(medlar)+$/)] });
  });

  it('has the body of a rejected request', async () => {
    await startCompletion(await load(options))(post({ prompt, temperature: -1 }));

    expect(findTranscript()).toEqual([{ body: expect.stringContaining(promptWord) }]);
  });

  it('has no API key', async () => {
    const event = { ...post({ prompt }), headers: { authorization: 'Bearer secret-key' } };
    await startCompletion(await load(options))(event);

    expect(findTranscript()).toHaveLength(2);
    expect(printed.text).not.toContain('secret-key');
  });

  it('has nothing of a warm-up ping', async () => {
    await startCompletion(await load(options))({ source: 'serverless-plugin-warmup' });

    expect(findTranscript()).toEqual([]);
  });
});
