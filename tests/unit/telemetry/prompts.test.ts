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

/** In every prompt. */
const asked = 'quince';
/** In every text. */
const answered = 'medlar';

class LateFailure extends FakeEngine {
  override async *generate(): AsyncGenerator<GenerationEvent, void, void> {
    yield { type: 'text', text: `${answered} and`, tokens: [] };
    throw new Error('It burns.');
  }
}

class EndlessEngine extends FakeEngine {
  override async *generate(): AsyncGenerator<GenerationEvent, void, void> {
    for (;;) yield { type: 'text', text: answered, tokens: [] };
  }
}

const prompt = `The ${asked}`;
const messages = [{ role: 'user', content: prompt }];
const schema = { type: 'object', properties: { [asked]: { type: 'string' } } };

/** Bodies, each with what it comes to. */
const bodies = {
  'a completion': { prompt },
  'a chat': { model, messages },
  'two choices': { prompt, n: 2 },
  'an answer that is no JSON of the schema': { prompt, json_schema: { ...schema, required: [asked] } },
  'a wrong value': { prompt, temperature: asked },
  'an unknown field': { prompt, [asked]: asked },
  'another model': { prompt, model: asked },
  'a context that is too small': { prompt: asked.repeat(200) },
  'no grammar': { prompt, grammar: asked },
  'a stop string': { prompt, stop: [asked] },
  'an unknown role': { model, messages: [{ role: asked, content: asked }] },
  'tools that are none': {
    model,
    messages,
    tools: [{ type: 'function', function: { name: `${asked} ${asked}` } }],
  },
};

function toPath(body: object): string {
  return 'messages' in body ? '/v1/chat/completions' : '/v1/completions';
}

describe.each(reporters)('by default, to %s', (_, load) => {
  it.each(Object.entries(bodies))('no line has the prompt or the text of %s', async (_, body) => {
    const engine = () => new FakeEngine(` ${answered}`, { contextSize: 512 });
    const event = post(body, toPath(body));
    await startCompletion(await load(), engine())(event);
    await startCompletion(await load(), engine())(body).catch(() => {});
    await startStream(await load(), engine()).read(post({ ...body, stream: true }, toPath(body)));

    expect(printed.text).not.toMatch(/quince|medlar/);
  });

  it('none has what is not JSON', async () => {
    await startCompletion(await load())({ ...post({}), body: `{"prompt": "${asked}" ${asked}` });

    expect(printed.text).not.toContain(asked);
  });

  it.each([
    ['unknown', new BrokenEngine()],
    ['late', new LateFailure()],
  ])('none has them where the failure is %s', async (_, engine) => {
    await startCompletion(await load(), engine)({ prompt }).catch(() => {});
    await startCompletion(await load(), engine)(post({ prompt }));
    await startStream(await load(), engine).read(post({ prompt, stream: true }));

    expect(printed.text).toMatch(/on fire|burns/);
    expect(printed.text).not.toMatch(/quince|medlar/);
  });

  it('none has them where the client left', async () => {
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
  it('has nothing of what is answered', async () => {
    const ask = startCompletion(new Telemetry());
    await ask({ prompt: 'Hi' });
    await ask(post({ prompt: 'Hi', temperature: 3 }));

    expect(printed.text).toBe('');
  });
});

/** What was logged of requests and texts, by whichever reporter. */
function findTranscript(): unknown[] {
  const isOne = (message: unknown) => message === 'Request body.' || message === 'Completions.';
  const pick = ({ body, texts }: Record<string, unknown>) => ({
    ...(body !== undefined && { body }),
    ...(texts !== undefined && { texts }),
  });
  const lines = printed.log.filter(({ message }) => isOne(message));
  const calls = printed.console.filter(([method, message]) => method === 'info' && isOne(message));
  return [...lines, ...calls.map(([, , fields]) => JSON.parse(String(fields)))].map(pick);
}

describe.each(reporters)('with LOG_PROMPTS, to %s', (_, load) => {
  const options = { logPrompts: true };

  it('a direct invoke is logged with its texts', async () => {
    const engine = new FakeEngine([' one', ' two'], { slots: 2 });
    await startCompletion(await load(options), engine)({ prompt, n: 2 });

    expect(findTranscript()).toEqual([{ body: { prompt, n: 2 } }, { texts: [' one', ' two'] }]);
  });

  it('an HTTP request is logged with its body as it came', async () => {
    await startCompletion(await load(options))(post({ prompt }));

    expect(findTranscript()).toEqual([{ body: JSON.stringify({ prompt }) }, { texts: [' Paris.'] }]);
  });

  it('a stream is logged when it ends', async () => {
    await startStream(await load(options)).read(post({ prompt, stream: true }));

    expect(findTranscript()).toEqual([{ body: expect.stringContaining(asked) }, { texts: [' Paris.'] }]);
  });

  it('a stream that fails is logged as far as it got', async () => {
    await startStream(await load(options), new LateFailure()).read(post({ prompt, stream: true }));

    expect(findTranscript().at(-1)).toEqual({ texts: [`${answered} and`] });
  });

  it('a stream that is left is logged as far as it got', async () => {
    const event = post({ prompt, stream: true });
    const { stream, done } = startStream(await load(options), new EndlessEngine()).open(event);
    await once(stream, 'data');
    stream.destroy();
    await done.catch(() => {});

    expect(findTranscript().at(-1)).toEqual({ texts: [expect.stringMatching(/^(medlar)+$/)] });
  });

  it('a request that is refused is logged too', async () => {
    await startCompletion(await load(options))(post({ prompt, temperature: 3 }));

    expect(findTranscript()).toEqual([{ body: expect.stringContaining(asked) }]);
  });

  it('a key is not', async () => {
    const event = { ...post({ prompt }), headers: { authorization: 'Bearer secret-key' } };
    await startCompletion(await load(options))(event);

    expect(findTranscript()).toHaveLength(2);
    expect(printed.text).not.toContain('secret-key');
  });

  it('a warm-up ping has nothing to log', async () => {
    await startCompletion(await load(options))({ source: 'serverless-plugin-warmup' });

    expect(findTranscript()).toEqual([]);
  });
});
