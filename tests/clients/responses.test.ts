// The clients that use OpenAI's Responses by default: OpenAI's own for Node, and the AI SDK's provider. Only the base URL and the
// key are set.
import { createOpenAI, type OpenAILanguageModelResponsesOptions } from '@ai-sdk/openai';
import { generateText, isStepCount, Output, streamText, tool } from 'ai';
import OpenAI from 'openai';
import { zodTextFormat } from 'openai/helpers/zod';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { model, startTestServer, type TestServer } from './test-server.ts';

const input = 'What is 2+2?';
const question = 'What is the weather in Paris?';
const city = z.object({ city: z.enum(['Paris', 'Rome']) });

let server: TestServer;
let client: OpenAI;

beforeAll(async () => {
  // The SDK warns about settings that it does not send.
  Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false });
  server = await startTestServer();
  ({ client } = server);
});

afterAll(async () => {
  await server.end();
});

describe("OpenAI's client", () => {
  const settings = { model: model.name, temperature: 0, max_output_tokens: 20 };

  it('creates and streams the same response', async () => {
    const whole = await client.responses.create({ ...settings, input });
    const stream = client.responses.stream({ ...settings, input });
    let text = '';
    stream.on('response.output_text.delta', ({ delta }) => {
      text += delta;
    });
    const streamed = await stream.finalResponse();

    expect(whole).toMatchObject({ status: 'completed', output_text: expect.stringMatching(/4\.$/) });
    expect(whole.usage?.output_tokens).toBeGreaterThan(5);
    expect(text).toBe(whole.output_text);
    expect(streamed).toMatchObject({
      output_text: text,
      output: [{ type: 'message', status: 'completed' }],
      usage: { output_tokens: whole.usage?.output_tokens },
    });
  });

  it('parses JSON of a schema, whole and streamed', async () => {
    const request = { ...settings, input: question, text: { format: zodTextFormat(city, 'weather') } };
    const whole = await client.responses.parse(request);
    const streamed = await client.responses.stream(request).finalResponse();

    expect(city.parse(whole.output_parsed)).toEqual(whole.output_parsed);
    expect(streamed.output_parsed).toEqual(whole.output_parsed);
  });

  it('streams a call, and continues with its output', async () => {
    const tools: OpenAI.Responses.FunctionTool[] = [
      {
        type: 'function',
        name: 'weather',
        strict: true,
        parameters: z.toJSONSchema(city),
      },
    ];
    const first = await client.responses
      .stream({
        ...settings,
        max_output_tokens: 60,
        input: question,
        tools,
        tool_choice: 'required',
        parallel_tool_calls: false,
      })
      .finalResponse();
    const [call] = first.output.filter((item) => item.type === 'function_call');
    const second = await client.responses.create({
      ...settings,
      instructions: 'Answer with one sentence.',
      input: [
        { role: 'user', content: question },
        ...(first.output as OpenAI.Responses.ResponseInputItem[]),
        { type: 'function_call_output', call_id: call?.call_id ?? '', output: 'Sunny.' },
      ],
      tools,
      tool_choice: 'none',
    });

    expect(city.parse(call?.parsed_arguments)).toEqual(JSON.parse(call?.arguments ?? ''));
    expect(second.output_text.length).toBeGreaterThan(0);
  });

  it('gets log-probabilities and an incomplete response', async () => {
    const response = await client.responses.create({
      ...settings,
      input,
      max_output_tokens: 2,
      include: ['message.output_text.logprobs'],
      top_logprobs: 2,
    });
    const [item] = response.output;

    expect(response).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
    });
    expect(item).toMatchObject({
      content: [{ logprobs: Array(2).fill({ top_logprobs: [{}, {}] }) }],
    });
  });

  it('throws its own errors', async () => {
    const stored = client.responses.create({ ...settings, input, previous_response_id: 'resp_1' });
    const long = client.responses.create({ ...settings, input: input.repeat(10_000), stream: true });

    await expect(stored).rejects.toMatchObject({ status: 400, param: 'previous_response_id' });
    await expect(long).rejects.toBeInstanceOf(OpenAI.BadRequestError);
    await expect(long).rejects.toMatchObject({ code: 'context_length_exceeded', param: 'input' });
  });
});

describe("the AI SDK's OpenAI provider", () => {
  const settings = { temperature: 0, maxOutputTokens: 20, maxRetries: 0 } as const;
  const provider = () => createOpenAI({ baseURL: `${server.origin}/v1`, apiKey: 'none' })(model.name);

  it('generates and streams the same text with its usage', async () => {
    const whole = await generateText({ model: provider(), prompt: input, ...settings });
    const stream = streamText({ model: provider(), prompt: input, ...settings });
    const pieces = await Array.fromAsync(stream.textStream);

    expect(whole).toMatchObject({ text: expect.stringMatching(/4\.$/), finishReason: 'stop' });
    expect(pieces.length).toBeGreaterThan(5);
    expect(pieces.join('')).toBe(whole.text);
    expect(await stream.finishReason).toBe('stop');
    expect(await stream.usage).toMatchObject({
      inputTokens: whole.usage.inputTokens,
      outputTokens: whole.usage.outputTokens,
    });
  });

  it('runs a tool in a stream, and the model answers with its result', async () => {
    const stream = streamText({
      ...settings,
      maxOutputTokens: 60,
      model: provider(),
      prompt: question,
      tools: { weather: tool({ inputSchema: city, execute: ({ city: name }) => `It is sunny in ${name}.` }) },
      providerOptions: { openai: { parallelToolCalls: false } satisfies OpenAILanguageModelResponsesOptions },
      stopWhen: isStepCount(2),
      prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? 'required' : 'none' }),
    });
    await stream.consumeStream();
    const [first, second] = await stream.steps;

    expect(first).toMatchObject({
      finishReason: 'tool-calls',
      toolResults: [{ toolName: 'weather', output: expect.stringMatching(/^It is sunny in/) }],
    });
    expect(second?.text.length).toBeGreaterThan(0);
  });

  it('generates an object of a schema', async () => {
    const { output } = await generateText({
      ...settings,
      model: provider(),
      prompt: question,
      output: Output.object({ schema: city }),
    });

    expect(city.parse(output)).toEqual(output);
  });

  it('continues a conversation without a store, and is told why it cannot refer to one', async () => {
    const ask = (store: boolean) =>
      generateText({
        ...settings,
        maxOutputTokens: 4,
        model: provider(),
        messages: [
          { role: 'user', content: 'Hi' },
          {
            role: 'assistant',
            content: [{ type: 'text', text: 'Hi.', providerOptions: { openai: { itemId: 'msg_1' } } }],
          },
          { role: 'user', content: input },
        ],
        providerOptions: { openai: { store } },
      });

    expect((await ask(false)).text.length).toBeGreaterThan(0);
    await expect(ask(true)).rejects.toMatchObject({
      statusCode: 400,
      message: expect.stringContaining("'store': false"),
    });
  });
});
