// The thinking budget on the real model. It has no thoughts of its own: a template begins them.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chat } from '../../src/api/chat/chat.ts';
import type { ChatChunk, ChatCompletion } from '../../src/api/chat/chat-completion.ts';
import type { ModelService } from '../../src/api/service.ts';
import { ChatTemplate } from '../../src/chat/chat-template.ts';
import type { LlamaEngine } from '../../src/engine/llama/llama-engine.ts';
import { openChatLibrary } from '../../src/engine/llama/open-chat-library.ts';
import { consoleLog } from '../../src/telemetry/log.ts';
import { generateOn, loadEngine } from './generation.ts';

/** ChatML whose prompts begin thoughts, as DeepSeek-R1's do. */
const chatTemplate = `{%- for message in messages %}
{{- '<|im_start|>' + message.role + '\\n' + message.content.split('</think>')[-1] + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n<think>\\n' }}{%- endif %}`;

const context = {
  id: 'a1-b2',
  receivedAt: new Date(),
  seed: 7,
  coldStart: false,
  signal: new AbortController().signal,
  log: consoleLog,
};

let engine: LlamaEngine;
let service: ModelService;

beforeAll(async () => {
  engine = await loadEngine();
  const { bosToken, eosToken } = engine.properties;
  const template = new ChatTemplate({ chatTemplate, bosToken, eosToken, openLibrary: openChatLibrary });
  service = { engine, model: 'tiny', chatTemplate: template };
});

afterAll(() => engine[Symbol.asyncDispose]());

const body = {
  messages: [{ role: 'user', content: 'Why is the sky blue? Explain it at length.' }],
  temperature: 0,
  max_tokens: 48,
};

const ask = async (fields: object) =>
  (await chat({ ...body, ...fields }, service, context)) as ChatCompletion;

describe('a thinking budget', () => {
  it('ends thoughts after so many tokens, and the answer follows', async () => {
    // On some processors the model ends its text early.
    const endless = await ask({ ignore_eos: true });
    expect(endless.choices[0]?.message).toMatchObject({ content: '', reasoning_content: expect.any(String) });
    const { choices } = await ask({ thinking_budget_tokens: 12, ignore_eos: true });
    const { content, reasoning_content: thoughts = '' } = choices[0]?.message ?? {};
    expect(content).not.toBe('');
    expect(content).not.toContain('</think>');
    expect(endless.choices[0]?.message.reasoning_content).toContain(thoughts.trim());
    const tokens = engine.tokenizeText(thoughts, { special: false }).length;
    expect(tokens).toBeGreaterThanOrEqual(10);
    expect(tokens).toBeLessThanOrEqual(13);
  });

  it('of 0 ends them at once', async () => {
    const { choices } = await ask({ thinking_budget_tokens: 0 });
    expect(choices[0]?.message).not.toHaveProperty('reasoning_content');
    expect(choices[0]?.message.content).not.toBe('');
  });

  it('gives the same in a stream', async () => {
    const whole = await ask({ thinking_budget_tokens: 12 });
    const streamed = await chat({ ...body, thinking_budget_tokens: 12, stream: true }, service, context);
    let thoughts = '';
    let content = '';
    for await (const { choices } of streamed as AsyncGenerator<ChatChunk>) {
      thoughts += choices[0]?.delta.reasoning_content ?? '';
      content += choices[0]?.delta.content ?? '';
    }
    expect({ content, reasoning_content: thoughts }).toEqual({
      content: whole.choices[0]?.message.content,
      reasoning_content: whole.choices[0]?.message.reasoning_content,
    });
  });

  it.each([0, 12])('of %i has JSON of a schema follow', async (tokens) => {
    const schema = {
      type: 'object',
      properties: { colour: { enum: ['blue', 'red'] } },
      required: ['colour'],
    };
    const format = { type: 'json_schema', json_schema: { name: 'colour', schema, strict: true } };
    const { choices } = await ask({ thinking_budget_tokens: tokens, response_format: format });
    expect(JSON.parse(choices[0]?.message.content ?? '')).toEqual({ colour: expect.any(String) });
    expect(choices[0]?.message.reasoning_content !== undefined).toBe(tokens > 0);
  });

  it('is never written into an answer whose thoughts have ended', async () => {
    const marks = { start: '<think>', ends: ['</think>'], hasStarted: true };
    const end = engine.tokenizeText('</think>', { special: true });
    const thoughtLimit = { marks, tokens: 8, end };
    const { text } = await generateOn(engine, 'Repeat: a</think> b c d. Repeat: a', {
      grammar: { gbnf: 'root ::= "a</think> " [a-z ]{40}' },
      thoughtLimit,
    });
    expect(text.split('</think>')).toHaveLength(2);
  });

  it('waits until a character is whole', async () => {
    const marks = { start: '<think>', ends: ['</think>'], hasStarted: true };
    const end = engine.tokenizeText('</think>', { special: true });
    for (const tokens of [1, 2, 3, 4]) {
      const { text } = await generateOn(engine, '🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉', {
        thoughtLimit: { marks, tokens, end },
      });
      expect(text).toMatch(/^(🦉)+<\/think>/u);
    }
  });
});
