import { describe, expect, it } from 'vitest';
import { writeAnswerGrammar } from '../../../src/chat/answer-grammar.ts';
import { type FormatOptions, findChatFormat } from '../../../src/chat/chat-format.ts';
import { type ChatPiece, ChatReader } from '../../../src/chat/chat-reader.ts';
import { seededRandom } from '../json-schema/seeded-random.ts';
import { templates } from './templates.ts';

const tools = ['weather', 'now'].map((name) => ({ type: 'function', function: { name } }) as const);

interface Options {
  readonly thinks?: boolean;
  readonly startsThinking?: boolean;
  readonly calls?: 'anywhere' | 'insteadOfContent';
  readonly continues?: boolean;
}

/** Opens a reader for the texts of a model. */
async function open(
  { thinks = false, startsThinking = false, calls, continues = false }: Options,
  more: Partial<FormatOptions> = {},
): Promise<ChatReader> {
  const kind = thinks ? 'thinkingWithTools' : 'chatMl';
  const template = startsThinking ? templates.alwaysThinking : templates[kind];
  const rendered = await template.render([{ role: 'user', content: 'Hi' }]);
  const format = await findChatFormat(template, rendered, {
    tools: calls === undefined ? [] : tools,
    mustCall: false,
    parallel: true,
    isJson: calls === 'insteadOfContent',
    schemas: '',
    compile: async (answer) => writeAnswerGrammar(answer),
    ...more,
  });
  return new ChatReader({ ...format.reader, continues });
}

interface Parsed {
  reasoning: string;
  content: string;
  calls: { name: string; arguments: string }[];
  isCalling: boolean;
}

/** Parses a text in pieces and joins the results. */
async function parse(texts: readonly string[], options: Options): Promise<Parsed> {
  const text = await open(options);
  const pieces: ChatPiece[] = [...texts.flatMap((each) => text.push(each)), ...text.end()];
  const message: Parsed = { reasoning: '', content: '', calls: [], isCalling: text.isCalling };
  for (const piece of pieces) {
    if (piece.type === 'call') {
      expect(piece.call).toBe(message.calls.length);
      message.calls.push({ name: piece.name, arguments: '' });
    } else {
      expect(piece.text).not.toBe('');
      if (piece.type === 'reasoning') message.reasoning += piece.text;
      else if (piece.type === 'content') message.content += piece.text;
      else (message.calls[piece.call] as Parsed['calls'][number]).arguments += piece.text;
    }
  }
  return message;
}

/** Splits a text into pieces of equal and of random sizes. */
function splits(text: string): string[][] {
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

const call = (name: string, callArguments: string) =>
  `<tool_call>\n{"name": "${name}", "arguments": ${callArguments}}\n</tool_call>`;
const paris = '{"city": "Paris"}';
const awkward = '{"a": "</tool_call>}{", "b": ["\\"}", {"c": "\\\\"}], "d": "<think>"}';

type Case = [title: string, text: string, options: Options, expected: Partial<Parsed>];

/** Texts that go on with an answer that the request began. */
function continuedCases(options: Options): Case[] {
  const model = options.thinks ? 'a model that thinks' : 'a model that does not think';
  const now = { name: 'now', arguments: '{}' };
  return [
    [`the rest of an answer of ${model}`, ' \n42. ', options, { content: ' \n42. ' }],
    [
      `the rest of an answer of ${model}, with a mark of a call`,
      ' `<tool_call>` and',
      options,
      { content: ' `<tool_call>` and' },
    ],
    [
      `the rest of an answer of ${model}, from a mark of a call on`,
      ' <tool_call> and',
      options,
      { content: ' <tool_call> and' },
    ],
    [
      `the rest of an answer of ${model}, with a call`,
      ` 42.\n${call('now', '{}')}`,
      options,
      { content: ' 42.', calls: [now] },
    ],
    [`a call as the rest of an answer of ${model}`, `\n${call('now', '{}')}`, options, { calls: [now] }],
  ];
}

const cases: Case[] = [
  ['a plain text', ' Hi\n there \n', {}, { content: ' Hi\n there \n' }],
  ['an empty text', '', { thinks: true, calls: 'anywhere' }, {}],
  [
    'marks when neither thoughts nor calls are possible',
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
    'thoughts after white space',
    '\n <think>Hm.</think>Yes.',
    { thinks: true },
    { reasoning: 'Hm.', content: 'Yes.' },
  ],
  [
    'thoughts that the prompt started',
    'Hm. < <b </th\n</think>\nYes.',
    { thinks: true, startsThinking: true },
    { reasoning: 'Hm. < <b </th', content: 'Yes.' },
  ],
  ['no thoughts', '\nYes <think>.', { thinks: true }, { content: 'Yes <think>.' }],
  ['empty thoughts', '<think>\n\n</think>\n\nYes.', { thinks: true }, { content: 'Yes.' }],
  ['thoughts without an end', '<think>Hm. </thin', { thinks: true }, { reasoning: 'Hm. </thin' }],
  [
    'thoughts that the prompt started, without an end',
    ' Hm. </thin',
    { thinks: true, startsThinking: true },
    { reasoning: 'Hm. </thin' },
  ],
  ['half a <think> mark', '<thin', { thinks: true }, { content: '<thin' }],
  [
    'a second <think> mark',
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
    'white space around calls',
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
    'a call within thoughts, which is none',
    `<think>Hm.\n${call('now', '{}')}</think>Yes.`,
    { thinks: true, calls: 'anywhere' },
    { reasoning: `Hm.\n${call('now', '{}')}`, content: 'Yes.' },
  ],
  [
    'a mark of a call in prose',
    'The mark `<tool_call>` starts a call.',
    { calls: 'anywhere' },
    { content: 'The mark `<tool_call>` starts a call.' },
  ],
  [
    'a mark of a call in prose, behind thoughts that begin like it',
    '<think>The `<tool_call>` tag is asked for.</think>The `<tool_call>` tag starts a call.',
    { thinks: true, calls: 'anywhere' },
    {
      reasoning: 'The `<tool_call>` tag is asked for.',
      content: 'The `<tool_call>` tag starts a call.',
    },
  ],
  [
    'a mark of a call in prose, behind thoughts that the prompt started',
    'The `<tool_call>` tag.</think>The `<tool_call>` tag starts a call.',
    { startsThinking: true, calls: 'anywhere' },
    { reasoning: 'The `<tool_call>` tag.', content: 'The `<tool_call>` tag starts a call.' },
  ],
  [
    'a mark of a call that begins prose, behind thoughts',
    '<think>Hm.</think>\n<tool_call> starts a call.',
    { thinks: true, calls: 'anywhere' },
    { reasoning: 'Hm.', content: '<tool_call> starts a call.' },
  ],
  [
    'a mark of a call in prose, behind the end mark of no thoughts',
    'Behind `</think>` is `<tool_call>` or text.',
    { thinks: true, calls: 'anywhere' },
    { content: 'Behind `</think>` is `<tool_call>` or text.' },
  ],
  [
    'a mark of a call that begins prose, before the end mark of no thoughts',
    '<tool_call> is behind </think>.',
    { thinks: true, calls: 'anywhere' },
    { content: '<tool_call> is behind </think>.' },
  ],
  [
    'thoughts with a <tool_call> mark',
    `<think>Hm. <tool_call></think>\n${call('now', '{}')}`,
    { thinks: true, calls: 'insteadOfContent' },
    { reasoning: 'Hm. <tool_call>', calls: [{ name: 'now', arguments: '{}' }] },
  ],

  [
    'a call instead of content',
    `\n${call('now', '{}')}\n${call('now', '{}')}`,
    { calls: 'insteadOfContent' },
    {
      calls: [
        { name: 'now', arguments: '{}' },
        { name: 'now', arguments: '{}' },
      ],
    },
  ],
  [
    'content instead of a call',
    '{"a": "<tool_call>"}',
    { calls: 'insteadOfContent' },
    { content: '{"a": "<tool_call>"}' },
  ],
  [
    'a call instead of content, after thoughts',
    `<think>Hm.</think>\n${call('now', '{}')}`,
    { thinks: true, calls: 'insteadOfContent' },
    { reasoning: 'Hm.', calls: [{ name: 'now', arguments: '{}' }] },
  ],

  ...continuedCases({ calls: 'anywhere', continues: true }),
  ...continuedCases({ thinks: true, calls: 'anywhere', continues: true }),

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

describe('ChatReader', () => {
  it.each(cases)('parses %s, split anywhere', async (_, text, options, expected) => {
    const message = { reasoning: '', content: '', calls: [], isCalling: false, ...expected };

    for (const pieces of splits(text))
      expect(await parse(pieces, options), JSON.stringify(pieces)).toEqual(message);
  });

  it('returns text as soon as it is unambiguous', async () => {
    const text = await open({ thinks: true, calls: 'anywhere' });

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

  it('parses a long text in linear time', async () => {
    const text = await open({ thinks: true, startsThinking: true, calls: 'anywhere' });
    const long = `${'<think>  <'.repeat(100_000)}</think>${'\n'.repeat(100_000)}${'<tool_cal '.repeat(100_000)}`;

    expect(text.push(long).map(({ type }) => type)).toEqual(['reasoning', 'content']);
  });
});
