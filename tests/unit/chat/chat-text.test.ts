import { describe, expect, it } from 'vitest';
import { type ChatPiece, ChatText, type ChatTextOptions } from '../../../src/chat/chat-text.ts';
import { seededRandom } from '../json-schema/seeded-random.ts';

const plain: ChatTextOptions = { thinks: false, startsThinking: false, calls: 'nowhere' };

interface Read {
  reasoning: string;
  content: string;
  calls: { name: string; arguments: string }[];
  isCalling: boolean;
}

/** What pieces of a text add up to. */
function read(texts: readonly string[], options: Partial<ChatTextOptions>): Read {
  const text = new ChatText({ ...plain, ...options });
  const pieces: ChatPiece[] = [...texts.flatMap((each) => text.push(each)), ...text.end()];
  const message: Read = { reasoning: '', content: '', calls: [], isCalling: text.isCalling };
  for (const piece of pieces) {
    if (piece.type === 'call') {
      expect(piece.call).toBe(message.calls.length);
      message.calls.push({ name: piece.name, arguments: '' });
    } else {
      expect(piece.text).not.toBe('');
      if (piece.type === 'reasoning') message.reasoning += piece.text;
      else if (piece.type === 'content') message.content += piece.text;
      else (message.calls[piece.call] as Read['calls'][number]).arguments += piece.text;
    }
  }
  return message;
}

/** The same text in pieces of one size, and in pieces of random ones. */
function cuts(text: string): string[][] {
  const random = seededRandom(text.length);
  const randomly = Array.from({ length: 20 }, () => {
    const pieces: string[] = [];
    for (let rest = text; rest !== ''; ) {
      const size = 1 + Math.floor(random() * 12);
      pieces.push(rest.slice(0, size));
      rest = rest.slice(size);
    }
    return pieces;
  });
  const evenly = [1, 2, 3, 7].map((size) => text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []);
  return [[text], ...evenly, ...randomly];
}

const call = (name: string, given: string) =>
  `<tool_call>\n{"name": "${name}", "arguments": ${given}}\n</tool_call>`;
const paris = '{"city": "Paris"}';
const awkward = '{"a": "</tool_call>}{", "b": ["\\"}", {"c": "\\\\"}], "d": "<think>"}';

const cases: [what: string, text: string, options: Partial<ChatTextOptions>, expected: Partial<Read>][] = [
  ['a plain text', ' Hi\n there \n', {}, { content: ' Hi\n there \n' }],
  ['an empty text', '', { thinks: true, calls: 'anywhere' }, {}],
  [
    'marks that mean nothing',
    '<think>a</think><tool_call>b',
    {},
    { content: '<think>a</think><tool_call>b' },
  ],

  [
    'thoughts and content',
    '<think>\nHm.\n</think>\n\nYes. ',
    { thinks: true },
    { reasoning: 'Hm.', content: 'Yes. ' },
  ],
  [
    'thoughts after blanks',
    '\n <think>Hm.</think>Yes.',
    { thinks: true },
    { reasoning: 'Hm.', content: 'Yes.' },
  ],
  [
    'thoughts that the prompt began',
    'Hm. < <b </th\n</think>\nYes.',
    { thinks: true, startsThinking: true },
    { reasoning: 'Hm. < <b </th', content: 'Yes.' },
  ],
  ['no thoughts', '\nYes <think>.', { thinks: true }, { content: 'Yes <think>.' }],
  ['empty thoughts', '<think>\n\n</think>\n\nYes.', { thinks: true }, { content: 'Yes.' }],
  ['thoughts without an end', '<think>Hm. </thin', { thinks: true }, { reasoning: 'Hm. </thin' }],
  ['half a mark of thoughts', '<thin', { thinks: true }, { content: '<thin' }],
  [
    'a second mark of thoughts',
    '<think>a</think>b<think>c</think>',
    { thinks: true },
    { reasoning: 'a', content: 'b<think>c</think>' },
  ],

  [
    'a call',
    call('weather', paris),
    { calls: 'anywhere' },
    { calls: [{ name: 'weather', arguments: paris }] },
  ],
  [
    'text before a call',
    `Let me see.\n${call('weather', paris)}`,
    { calls: 'anywhere' },
    { content: 'Let me see.', calls: [{ name: 'weather', arguments: paris }] },
  ],
  [
    'blanks around calls',
    `\n ${call('weather', paris)}\n\n`,
    { calls: 'anywhere' },
    { calls: [{ name: 'weather', arguments: paris }] },
  ],
  [
    'two calls',
    `${call('weather', paris)}\n${call('now', '{}')}`,
    { calls: 'anywhere' },
    {
      calls: [
        { name: 'weather', arguments: paris },
        { name: 'now', arguments: '{}' },
      ],
    },
  ],
  [
    'calls without new lines',
    `<tool_call>{"name": "now", "arguments": {}}</tool_call><tool_call>{"name": "now", "arguments": {}}</tool_call>`,
    { calls: 'anywhere' },
    {
      calls: [
        { name: 'now', arguments: '{}' },
        { name: 'now', arguments: '{}' },
      ],
    },
  ],
  [
    'marks within arguments',
    call('weather', awkward),
    { calls: 'anywhere' },
    { calls: [{ name: 'weather', arguments: awkward }] },
  ],
  [
    'text that looks like a call',
    'a <tool_cal <tool_calls> \n',
    { calls: 'anywhere' },
    { content: 'a <tool_cal <tool_calls> \n' },
  ],
  [
    'a call after thoughts',
    `<think>Hm. <tool_cal</think>\n${call('now', '{}')}`,
    { thinks: true, calls: 'anywhere' },
    { reasoning: 'Hm. <tool_cal', calls: [{ name: 'now', arguments: '{}' }] },
  ],
  [
    'a call within thoughts, which ends them',
    `<think>Hm.\n${call('now', '{}')}`,
    { thinks: true, calls: 'anywhere' },
    { reasoning: 'Hm.', calls: [{ name: 'now', arguments: '{}' }] },
  ],
  [
    'thoughts of a call, where they are followed by one or by content',
    `<think>Hm. <tool_call></think>\n${call('now', '{}')}`,
    { thinks: true, calls: 'instead' },
    { reasoning: 'Hm. <tool_call>', calls: [{ name: 'now', arguments: '{}' }] },
  ],

  [
    'a call in the place of content',
    `\n${call('now', '{}')}\n${call('now', '{}')}`,
    { calls: 'instead' },
    {
      calls: [
        { name: 'now', arguments: '{}' },
        { name: 'now', arguments: '{}' },
      ],
    },
  ],
  [
    'content in the place of a call',
    '{"a": "<tool_call>"}',
    { calls: 'instead' },
    { content: '{"a": "<tool_call>"}' },
  ],
  [
    'a call in the place of content, after thoughts',
    `<think>Hm.</think>\n${call('now', '{}')}`,
    { thinks: true, calls: 'instead' },
    { reasoning: 'Hm.', calls: [{ name: 'now', arguments: '{}' }] },
  ],

  [
    'a call that is cut before its name',
    'Hm. <tool_call>\n{"name": "wea',
    { calls: 'anywhere' },
    { content: 'Hm.', isCalling: true },
  ],
  [
    'a call that is cut in its arguments',
    '<tool_call>\n{"name": "weather", "arguments": {"city": "Pa',
    { calls: 'anywhere' },
    { calls: [{ name: 'weather', arguments: '{"city": "Pa' }], isCalling: true },
  ],
  [
    'a call that is cut at its end',
    call('now', '{}').slice(0, -3),
    { calls: 'anywhere' },
    { calls: [{ name: 'now', arguments: '{}' }], isCalling: true },
  ],
];

describe('the text of a chat', () => {
  it.each(cases)('is read, however it is cut: %s', (_, text, options, expected) => {
    const whole = { reasoning: '', content: '', calls: [], isCalling: false, ...expected };

    for (const pieces of cuts(text)) expect(read(pieces, options), JSON.stringify(pieces)).toEqual(whole);
  });

  it('is given out as soon as it can be nothing else', () => {
    const text = new ChatText({ thinks: true, startsThinking: false, calls: 'anywhere' });

    expect(text.push('<think>Hm')).toEqual([{ type: 'reasoning', text: 'Hm' }]);
    expect(text.isThinking).toBe(true);
    expect(text.push(' <')).toEqual([]);
    expect(text.push('b')).toEqual([{ type: 'reasoning', text: ' <b' }]);
    expect(text.push('</think>Yes')).toEqual([{ type: 'content', text: 'Yes' }]);
    expect(text.isThinking).toBe(false);
    expect(text.push('.\n')).toEqual([{ type: 'content', text: '.' }]);
    expect(text.push('<tool_call>{"name": "now", "arguments": {"a"')).toEqual([
      { type: 'call', call: 0, name: 'now' },
      { type: 'arguments', call: 0, text: '{"a"' },
    ]);
  });

  it('is read in a time that grows with its length', () => {
    const text = new ChatText({ thinks: true, startsThinking: true, calls: 'anywhere' });
    const long = `${'<think>  <'.repeat(100_000)}</think>${'\n'.repeat(100_000)}${'<tool_cal '.repeat(100_000)}`;

    expect(text.push(long).map(({ type }) => type)).toEqual(['reasoning', 'content']);
  });
});
