// Vercel's AI SDK with its providers for OpenAI-compatible servers and for OpenAI. Only the base URL is set.
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, embed, generateObject, generateText, isStepCount, Output, streamText, tool } from 'ai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { model, startTestServer, type TestServer } from './test-server.ts';

let server: TestServer;
let provider: ReturnType<typeof createOpenAICompatible>;

beforeAll(async () => {
  // The SDK warns about settings that it does not send to a completion model.
  Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false });
  server = await startTestServer();
  provider = createOpenAICompatible({
    name: 'gguf-lambda',
    baseURL: `${server.origin}/v1`,
    apiKey: 'none',
    includeUsage: true,
    supportsStructuredOutputs: true,
  });
});

afterAll(async () => {
  await server.end();
});

const settings = { temperature: 0, maxOutputTokens: 20, maxRetries: 0 } as const;
const question = 'What is 2+2?';

describe('a chat model', () => {
  it('generates a text with its usage', async () => {
    const { text, finishReason, usage } = await generateText({
      model: provider(model.name),
      prompt: question,
      ...settings,
    });

    expect(text).toMatch(/4\.$/);
    expect(finishReason).toBe('stop');
    expect(usage).toMatchObject({ outputTokens: 12, totalTokens: (usage.inputTokens ?? 0) + 12 });
  });

  it('streams the same text with the same usage', async () => {
    const whole = await generateText({ model: provider(model.name), prompt: question, ...settings });
    const stream = streamText({ model: provider(model.name), prompt: question, ...settings });
    const pieces = await Array.fromAsync(stream.textStream);

    expect(pieces.join('')).toBe(whole.text);
    expect(pieces.length).toBeGreaterThan(5);
    expect(await stream.finishReason).toBe('stop');
    expect(await stream.usage).toMatchObject({
      inputTokens: whole.usage.inputTokens,
      outputTokens: whole.usage.outputTokens,
    });
  });

  it('applies sampling settings', async () => {
    const generate = (seed: number) =>
      generateText({
        model: provider(model.name),
        system: 'You tell tales.',
        prompt: 'Tell me one.',
        ...settings,
        temperature: 1.5,
        topP: 0.9,
        presencePenalty: 0.5,
        frequencyPenalty: 0.5,
        stopSequences: ['\n\n'],
        maxOutputTokens: 8,
        seed,
      });
    const [one, other, again] = [await generate(1), await generate(2), await generate(1)];

    expect(one.text).toBe(again.text);
    expect(one.text).not.toBe(other.text);
  });

  it("throws the server's error message", async () => {
    const long = question.repeat(10_000);
    const call = generateText({ model: provider(model.name), prompt: long, ...settings });

    await expect(call).rejects.toBeInstanceOf(APICallError);
    await expect(call).rejects.toMatchObject({
      statusCode: 400,
      message: expect.stringContaining('The context has'),
    });
  });
});

describe('a completion model', () => {
  it('generates and streams the same text', async () => {
    const request = {
      model: provider.completionModel(model.name),
      prompt: 'The capital of France is',
      ...settings,
    };
    const whole = await generateText({ ...request, maxOutputTokens: 6 });
    const stream = streamText({ ...request, maxOutputTokens: 6 });

    expect(whole).toMatchObject({
      text: expect.stringContaining('Paris'),
      finishReason: 'length',
      usage: { outputTokens: 6 },
    });
    expect((await Array.fromAsync(stream.textStream)).join('')).toBe(whole.text);
    expect(await stream.usage).toMatchObject({ totalTokens: whole.usage.totalTokens });
  });
});

describe('a structured output', () => {
  const schema = z.object({ city: z.string().max(12), people: z.int().min(0).max(99) });
  const request = {
    model: provider?.(model.name),
    prompt: 'Describe a town.',
    ...settings,
    maxOutputTokens: 60,
  };

  it('matches its schema', async () => {
    const { object, finishReason } = await generateObject({
      ...request,
      model: provider(model.name),
      schema,
    });

    expect(schema.parse(object)).toEqual(object);
    expect(finishReason).toBe('stop');
  });

  it('is streamed in parts', async () => {
    const options = { ...request, model: provider(model.name), output: Output.object({ schema }) };
    const { output } = await generateText(options);
    const stream = streamText(options);
    const parts = await Array.fromAsync(stream.partialOutputStream);

    expect(schema.parse(output)).toEqual(output);
    expect(parts.at(-1)).toEqual(output);
    expect(parts.length).toBeGreaterThan(1);
  });

  it('may be one of several options', async () => {
    const options = ['warm', 'cold'];
    const { output } = await generateText({
      ...request,
      model: provider(model.name),
      prompt: 'Ice is',
      output: Output.choice({ options }),
    });

    expect(options).toContain(output);
  });
});

describe('a tool', () => {
  const tools = {
    weather: tool({
      description: 'Tells the weather.',
      inputSchema: z.object({ city: z.enum(['Paris', 'Rome']) }),
      execute: async ({ city }) => `It is sunny in ${city}.`,
    }),
  };
  const request = { prompt: 'What is the weather in Paris?', tools, ...settings, maxOutputTokens: 60 };
  const oneAtATime = { providerOptions: { 'gguf-lambda': { parallel_tool_calls: false } } };

  it('is called and run, and the model answers with its result', async () => {
    const { steps } = await generateText({
      ...request,
      ...oneAtATime,
      model: provider(model.name),
      stopWhen: isStepCount(2),
      prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? 'required' : 'none' }),
    });
    const [first, second] = steps;

    expect(first).toMatchObject({
      finishReason: 'tool-calls',
      toolCalls: [{ toolName: 'weather', input: { city: expect.stringMatching(/^(?:Paris|Rome)$/) } }],
      toolResults: [{ output: expect.stringMatching(/^It is sunny in/) }],
    });
    expect(second?.toolCalls).toEqual([]);
    expect(second?.text.length).toBeGreaterThan(0);
    expect(second?.usage.inputTokens).toBeGreaterThan(0);
  });

  it('is called in a stream, with its input in pieces', async () => {
    const stream = streamText({
      ...request,
      ...oneAtATime,
      model: provider(model.name),
      toolChoice: { type: 'tool', toolName: 'weather' },
    });
    const parts = await Array.fromAsync(stream.fullStream);
    const deltas = parts.flatMap((part) => (part.type === 'tool-input-delta' ? [part.delta] : []));
    const [call] = await stream.toolCalls;

    expect(deltas.length).toBeGreaterThan(1);
    expect(JSON.parse(deltas.join(''))).toEqual(call?.input);
    expect(await stream.toolResults).toMatchObject([{ toolName: 'weather' }]);
    expect(await stream.finishReason).toBe('tool-calls');
  });
});

describe('an embedding request', () => {
  it('is rejected with the reason by a model that generates text', async () => {
    const call = embed({ model: provider.embeddingModel(model.name), value: 'Hello', maxRetries: 0 });

    await expect(call).rejects.toMatchObject({
      statusCode: 400,
      message: expect.stringMatching(/cannot make embeddings: .*not made to/),
    });
  });
});

describe("OpenAI's provider", () => {
  const chat = () => createOpenAI({ baseURL: `${server.origin}/v1`, apiKey: 'none' }).chat(model.name);

  it('generates and streams the same text', async () => {
    const request = { model: chat(), system: 'You are brief.', prompt: question, ...settings };
    const whole = await generateText(request);
    const stream = streamText(request);

    expect(whole.text).toMatch(/\w/);
    expect((await Array.fromAsync(stream.textStream)).join('')).toBe(whole.text);
    expect(await stream.usage).toMatchObject({ totalTokens: whole.usage.totalTokens });
  });

  it('sends all of its own options', async () => {
    const { text, warnings } = await generateText({
      model: chat(),
      prompt: question,
      ...settings,
      maxOutputTokens: 4,
      providerOptions: {
        openai: {
          store: true,
          metadata: { team: 'a' },
          user: 'user-1',
          logprobs: 2,
          textVerbosity: 'low',
          reasoningEffort: 'low',
          serviceTier: 'auto',
          promptCacheKey: 'a',
          safetyIdentifier: 'a',
          prediction: { type: 'content', content: 'Four' },
        },
      },
    });

    expect(text).toMatch(/\w/);
    expect(warnings).toEqual([]);
  });

  it('calls a tool of the strict kind, and gives a structured output', async () => {
    const schema = z.object({ city: z.enum(['Paris', 'Rome']), days: z.int().nullable() });
    const { toolCalls } = await generateText({
      model: chat(),
      prompt: 'What is the weather in Paris?',
      tools: { weather: tool({ description: 'Tells the weather.', inputSchema: schema, strict: true }) },
      toolChoice: 'required',
      providerOptions: { openai: { parallelToolCalls: false } },
      ...settings,
      maxOutputTokens: 60,
    });
    const { output } = await generateText({
      model: chat(),
      prompt: 'Describe a trip.',
      output: Output.object({ schema }),
      ...settings,
      maxOutputTokens: 60,
    });

    expect(schema.parse(toolCalls[0]?.input)).toEqual(toolCalls[0]?.input);
    expect(schema.parse(output)).toEqual(output);
  });
});
