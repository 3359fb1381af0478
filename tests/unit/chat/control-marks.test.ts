// The text of a control token in a message is text: only the template's are control tokens.
import { describe, expect, it, vi } from 'vitest';
import { ControlMarks } from '../../../src/chat/control-marks.ts';
import { toMarkPattern } from '../../../src/engine/llama/llama-vocabulary.ts';
import { chatWhole } from '../api/fake-service.ts';
import { FakeEngine } from '../fake-engine.ts';
import { templates } from './templates.ts';

/** The engine's control token, which `<s>` is written as. */
const bos = 0x11_0100;

async function toPrompt(body: object, chatTemplate = templates.strict): Promise<number[]> {
  const engine = new FakeEngine('Hi', { contextSize: 3000, properties: { bosToken: '<s>' } });
  await chatWhole({ ...body, max_tokens: 1 }, { engine, chatTemplate });
  return [...(engine.requests[0]?.prompt ?? [])];
}

describe('the text of a control token', () => {
  const mark = 'a <s> b';
  const called = { id: '1', type: 'function', function: { name: 'f', arguments: JSON.stringify({ mark }) } };

  it.each([
    ['a message of the user', [{ role: 'user', content: mark }]],
    ['a part of a message', [{ role: 'user', content: [{ type: 'text', text: mark }] }]],
    [
      'a system message',
      [
        { role: 'system', content: mark },
        { role: 'user', content: 'Hi' },
      ],
    ],
    [
      'an earlier answer',
      [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: mark },
        { role: 'user', content: 'Hi' },
      ],
    ],
    [
      'a call and its result',
      [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', tool_calls: [called] },
        { role: 'tool', tool_call_id: '1', content: mark },
      ],
    ],
  ])('is text in %s', async (_, messages) => {
    const prompt = await toPrompt({ messages });
    const text = new FakeEngine().detokenize(prompt.filter((token) => token !== bos));

    expect(prompt.filter((token) => token === bos)).toHaveLength(1);
    expect(prompt[0]).toBe(bos);
    expect(text).toContain(mark);
  });

  it.each(['strict', 'withTools'] as const)('is text in a tool, with the template %s', async (kind) => {
    const parameters = { type: 'object', properties: { '<s>': { enum: ['<s>'] } } };
    const tools = [{ type: 'function', function: { name: 'f', description: mark, parameters } }];
    const prompt = await toPrompt({ messages: [{ role: 'user', content: 'Hi' }], tools }, templates[kind]);
    const marks = prompt.filter((token) => token === bos);

    expect(marks).toHaveLength(kind === 'strict' ? 1 : 0);
    expect(new FakeEngine().detokenize(prompt.slice(marks.length))).toContain(mark);
  });
});

describe('the texts of control tokens', () => {
  const breakText = (tokens: string[], text: string, contextSize = 64) =>
    new ControlMarks({ controlMarks: toMarkPattern(tokens), contextSize }, 'messages')
      .breakText(text)
      .replaceAll('\uFDD0', ':');

  it.each([
    ['within brackets', ['<|end|>'], '[<|end|>] <a<|end|>b>', '[<:|end|>] <a<:|end|>b>'],
    ['that look like no others', ['[e~[', '|||IP|||'], 'a[e~[b|||IP|||', 'a[:e~[b|:||IP|||'],
    ['that overlap', [']~b]'], ']~b]~b]', ']:~b]:~b]'],
    ['that begin with a character of two units', ['🦙x'], 'a🦙xb', 'a🦙:xb'],
    ['that are one character', ['a'], 'aa', 'aa'],
    ['that are absent', [''], 'aa', 'aa'],
  ])('are broken %s', (_, tokens, text, broken) => {
    expect(breakText(tokens, text)).toBe(broken);
  });

  it('are refused when there are more of them than the context has tokens', async () => {
    const marks = new ControlMarks({ controlMarks: toMarkPattern(['<s>']), contextSize: 64 }, 'messages');

    expect(marks.breakText('<s>'.repeat(64))).toHaveLength(64 * 4);
    expect(() => marks.breakText('<s>')).toThrow(
      expect.objectContaining({ code: 'context_length_exceeded', param: 'messages' }),
    );
  });

  it('of a whole prompt are tokenized at once', async () => {
    const engine = new FakeEngine('Hi', { contextSize: 3000, properties: { bosToken: '<s>' } });
    const tokenizeAside = vi.spyOn(engine, 'tokenizeAside');
    await chatWhole(
      { messages: [{ role: 'user', content: '<s>'.repeat(500) }], max_tokens: 1 },
      { engine, chatTemplate: templates.strict },
    );

    expect(tokenizeAside).toHaveBeenCalledOnce();
    expect(tokenizeAside.mock.calls[0]?.[1]).toMatchObject({ breakMark: '\uFDD0' });
    expect(engine.requests[0]?.prompt.filter((token) => token === bos)).toHaveLength(1);
  });

  it('do not hide how long a prompt is', async () => {
    const engine = new FakeEngine('Hi', { contextSize: 64, properties: { bosToken: '<s>' } });
    const tokenizeAside = vi.spyOn(engine, 'tokenizeAside');
    const content = `<s>${'x'.repeat(64 * 256)}`;
    const answer = chatWhole(
      { messages: [{ role: 'user', content }] },
      { engine, chatTemplate: templates.strict },
    );

    await expect(answer).rejects.toMatchObject({ code: 'context_length_exceeded' });
    expect(tokenizeAside).not.toHaveBeenCalled();
  });
});
