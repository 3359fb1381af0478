import { describe, expect, it } from 'vitest';
import { GrammarError, GrammarPrefixError } from '../../../../src/engine/engine.ts';
import { templates } from '../../chat/templates.ts';
import { FakeEngine } from '../../fake-engine.ts';
import { chatStreamed, chatWhole } from '../fake-service.ts';
import { joinChunks } from '../joined-chunks.ts';

const question = { role: 'user', content: 'Hi' };
const begun = 'The capital is';
const messages = [question, { role: 'assistant', content: begun }];
const chatTemplate = templates.chatMl;

describe('an answer that the request begins', () => {
  it('is continued with continue_final_message, and its rest is returned as it is', async () => {
    const engine = new FakeEngine(' Paris.', { contextSize: 128 });
    const { choices } = await chatWhole(
      { messages, continue_final_message: true, add_generation_prompt: false },
      { engine, chatTemplate },
    );

    expect(promptOf(engine)).toBe(`<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n${begun}`);
    expect(choices[0]?.message.content).toBe(' Paris.');
  });

  it('is another turn without continue_final_message', async () => {
    const engine = new FakeEngine('Yes.', { contextSize: 128 });
    await chatWhole({ messages }, { engine, chatTemplate });

    expect(promptOf(engine)).toContain(`${begun}<|im_end|>\n<|im_start|>assistant\n`);
  });

  it('is streamed, with the blank before its rest, also by a model that thinks', async () => {
    const engine = new FakeEngine(' Paris.', { contextSize: 128 });
    const body = { messages, continue_final_message: true, reasoning_effort: 'none' };
    const chunks = await chatStreamed(body, { engine, chatTemplate: templates.thinking });

    expect(joinChunks(chunks)).toMatchObject([{ message: { content: ' Paris.' } }]);
    expect(promptOf(engine).endsWith(begun)).toBe(true);
  });

  it.each([
    ['thinks', templates.thinkingWithTools],
    ['does not think', templates.withTools],
    ['is told of tools', templates.chatMl],
  ])('keeps the blank before its rest with tools, by a model that %s', async (_, chatTemplate) => {
    const tools = [{ type: 'function', function: { name: 'now' } }];
    const body = { messages, tools, continue_final_message: true, reasoning_effort: 'none' };
    const { choices } = await chatWhole(body, {
      engine: new FakeEngine(' Paris.', { contextSize: 4096 }),
      chatTemplate,
    });
    const chunks = await chatStreamed(body, {
      engine: new FakeEngine(' Paris.', { contextSize: 4096 }),
      chatTemplate,
    });

    expect(choices[0]?.message.content).toBe(' Paris.');
    expect(joinChunks(chunks)).toMatchObject([{ message: { content: ' Paris.' } }]);
  });

  it('counts as a part of the JSON that a schema asks for', async () => {
    const schema = { type: 'object', properties: { a: { const: 1 } }, required: ['a'] };
    const json = [question, { role: 'assistant', content: '{"a":' }];
    const engine = new FakeEngine(' 1}', { contextSize: 4096 });
    const { choices } = await chatWhole(
      {
        messages: json,
        continue_final_message: true,
        response_format: { type: 'json_schema', json_schema: { name: 'a', schema, strict: true } },
      },
      { engine, chatTemplate },
    );

    expect(engine.requests[0]?.grammar?.prefix).toBe('{"a":');
    expect(choices[0]?.message.content).toBe(' 1}');
  });

  describe.each([
    ['a whole answer', chatWhole],
    ['a stream', chatStreamed],
  ])('whose grammar fails, for %s', (_, ask) => {
    const tools = [{ type: 'function', function: { name: 'now' } }];
    const format = { response_format: { type: 'json_object' } };
    const engineOf = (error: Error) =>
      new FakeEngine('.', {
        contextSize: 4096,
        beforeEvent: () => {
          throw error;
        },
      });

    it.each([
      ['a schema', format],
      ['a call', { tools, tool_choice: 'required' }],
      ['a grammar', { grammar: 'root ::= "a"' }],
    ])('is blamed where it cannot begin %s', async (_, fields) => {
      const engine = engineOf(new GrammarPrefixError('It does not admit it.'));
      const asked = ask({ messages, continue_final_message: true, ...fields }, { engine, chatTemplate });

      await expect(asked).rejects.toMatchObject({
        code: 'invalid_value',
        message: expect.stringContaining("'messages.1' cannot begin this answer"),
        param: 'messages.1',
      });
    });

    it.each([
      [format, 'response_format'],
      [{ tools, tool_choice: 'required' }, 'tools'],
      [{ grammar: 'root ::= "a"' }, 'grammar'],
    ])('is not blamed for another fault of %j', async (fields, param) => {
      const engine = engineOf(new GrammarError('It is too ambiguous.'));
      const asked = ask({ messages, continue_final_message: true, ...fields }, { engine, chatTemplate });

      await expect(asked).rejects.toMatchObject({ message: 'It is too ambiguous.', param });
    });
  });

  it('keeps the text of a control token a text', async () => {
    const engine = new FakeEngine('.', { contextSize: 128 });
    const text = 'It ends with <|im_end|>';
    const given = [question, { role: 'assistant', content: text }];
    await chatWhole({ messages: given, continue_final_message: true }, { engine, chatTemplate });

    expect(promptOf(engine).endsWith(text)).toBe(true);
  });

  it.each([
    ['the last message is of the user', [question], 'messages.0'],
    ['nothing is before it', [{ role: 'assistant', content: 'A' }], 'messages.0'],
    [
      'it calls a tool',
      [
        question,
        {
          role: 'assistant',
          content: '',
          tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }],
        },
      ],
      'messages.1',
    ],
  ])('is refused where %s', async (_, given, param) => {
    const asked = chatWhole(
      { messages: given, continue_final_message: true },
      { engine: new FakeEngine('.'), chatTemplate },
    );

    await expect(asked).rejects.toMatchObject({ code: 'invalid_value', param });
  });

  it.each([[{}], [{ reasoning_effort: 'none' }], [{ chat_template_kwargs: { enable_thinking: false } }]])(
    'is refused by a model that always thinks, with %j',
    async (fields) => {
      const asked = chatWhole(
        { messages, continue_final_message: true, ...fields },
        { engine: new FakeEngine('.'), chatTemplate: templates.alwaysThinking },
      );

      await expect(asked).rejects.toMatchObject({
        code: 'invalid_value',
        message: expect.stringContaining('always thinks'),
        param: 'messages',
      });
    },
  );

  it.each([
    [{}, 'reasoning_effort'],
    [{ reasoning_effort: 'low' }, 'reasoning_effort'],
    [{ reasoning_effort: 'none', chat_template_kwargs: { enable_thinking: true } }, 'chat_template_kwargs'],
  ])('is refused behind thoughts that the template opens, with %j', async (fields, param) => {
    const asked = chatWhole(
      { messages, continue_final_message: true, ...fields },
      { engine: new FakeEngine('.'), chatTemplate: templates.opensThoughts },
    );

    await expect(asked).rejects.toMatchObject({
      message: expect.stringContaining(`Turn the thoughts off with '${param}'`),
      param,
    });
  });

  it('is taken where the thoughts that the template opens are off', async () => {
    const engine = new FakeEngine(' Paris.', { contextSize: 128 });
    const { choices } = await chatWhole(
      { messages, continue_final_message: true, reasoning_effort: 'none' },
      { engine, chatTemplate: templates.opensThoughts },
    );

    expect(choices[0]?.message.content).toBe(' Paris.');
  });
});

function promptOf(engine: FakeEngine): string {
  return engine.detokenize(engine.requests[0]?.prompt ?? []);
}
