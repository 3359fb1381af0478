// The calls and thoughts that model families write by themselves, read with the templates of llama.cpp's own collection.
import { describe, expect, it } from 'vitest';
import { writeAnswerGrammar } from '../../../src/chat/answer-grammar.ts';
import { type FormatOptions, findChatFormat } from '../../../src/chat/chat-format.ts';
import { type ChatPiece, ChatReader } from '../../../src/chat/chat-reader.ts';
import type { ChatTemplate } from '../../../src/chat/chat-template.ts';
import { schemasToGbnf } from '../../../src/chat/schema-rules.ts';
import { validateJson } from '../../../src/json-schema/validate-json.ts';
import { Gbnf } from '../json-schema/gbnf.ts';
import { seededRandom } from '../json-schema/seeded-random.ts';
import { useTemplateCollection } from './template-collection.ts';
import { weatherTool as tool } from './weather-tool.ts';

const collection = useTemplateCollection();

const openTemplate = (name: string): ChatTemplate => collection.open(name);

function openFamily(family: string): ChatTemplate {
  const [name = ''] = family.split(',');
  return openTemplate(name);
}

const compile: FormatOptions['compile'] = async (answer) => writeAnswerGrammar(answer);

async function openFormat(template: ChatTemplate, options: { mustCall?: boolean; parallel?: boolean } = {}) {
  const rendered = await template.render([{ role: 'user', content: 'Is it warm in Paris?' }], {
    ...(template.abilities.writesTools && { tools: [tool] }),
    thinking: template.thinks,
  });
  return findChatFormat(template, rendered, {
    tools: [tool],
    mustCall: false,
    parallel: true,
    isJson: false,
    schemas: schemasToGbnf({ tools: [tool], json: undefined }),
    compile,
    ...options,
  });
}

interface Message {
  reasoning: string;
  content: string;
  calls: { name: string; arguments: unknown }[];
}

function joinPieces(pieces: readonly ChatPiece[]): Message {
  const message = { reasoning: '', content: '', calls: [] as { name: string; arguments: string }[] };
  for (const piece of pieces) {
    if (piece.type === 'call') message.calls.push({ name: piece.name, arguments: '' });
    else if (piece.type === 'arguments')
      (message.calls[piece.call] as { arguments: string }).arguments += piece.text;
    else message[piece.type] += piece.text;
  }
  const calls = message.calls.map((call) => ({ ...call, arguments: JSON.parse(call.arguments) as unknown }));
  return { ...message, calls };
}

const paris = '{"city": "Paris"}';
const json = `{"name": "get_weather", "arguments": ${paris}}`;
const hermes = `<tool_call>\n${json}\n</tool_call>`;
const python = 'get_weather(city="Paris")';
const gemmaCall = '<start_function_call>call:get_weather{city:<escape>Paris<escape>}<end_function_call>';
const xml = '<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n</function>';

type Expected = { readonly reasoning?: string; readonly content?: string };
/** A text behind a comma tells entries of the same template apart. */
const families: readonly [family: string, text: string, expected: Expected, calls?: number][] = [
  ['Qwen-Qwen2.5-7B-Instruct', `Let me see.\n${hermes}\n${hermes}`, { content: 'Let me see.' }, 2],
  ['Qwen-Qwen3-0.6B', `<think>\nIs a </b closed?\n</think>\n\n${hermes}`, { reasoning: 'Is a </b closed?' }],
  ['Qwen-QwQ-32B', `Hm.\n</think>\n\n${hermes}`, { reasoning: 'Hm.' }],
  ['HuggingFaceTB-SmolLM3-3B', `<think>\nHm.\n</think>\n${hermes}`, { reasoning: 'Hm.' }],
  ['ibm-granite-granite-4.0', hermes, {}],
  [
    'ibm-granite-granite-3.3-2B-Instruct',
    `<|tool_call|>[{"name": "get_weather", "arguments": ${paris}}]`,
    {},
  ],
  ['NousResearch-Hermes-3-Llama-3.1-8B-tool_use', hermes, {}],
  ['meta-llama-Llama-3.2-3B-Instruct', `{"name": "get_weather", "parameters": ${paris}}`, {}],
  ['meta-llama-Llama-3.1-8B-Instruct', `{"name": "get_weather", "parameters": ${paris}}`, {}],
  [
    'mistralai-Mistral-Nemo-Instruct-2407',
    `[TOOL_CALLS][{"name": "get_weather", "arguments": ${paris}, "id": "abcdefghi"}]`,
    {},
  ],
  [
    'mistralai-Ministral-3-14B-Reasoning-2512',
    `[THINK]Hm.[/THINK]Look.[TOOL_CALLS]get_weather[ARGS]${paris}`,
    { reasoning: 'Hm.', content: 'Look.' },
  ],
  ['unsloth-mistral-Devstral-Small-2507', `[TOOL_CALLS]get_weather[ARGS]${paris}`, {}],
  [
    'openai-gpt-oss-120b',
    `<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>${paris}`,
    { reasoning: 'Hm.' },
  ],
  [
    'google-gemma-4-31B-it',
    '<|channel>thought\nHm.<channel|><|tool_call>call:get_weather{city:<|"|>Paris<|"|>}<tool_call|>',
    { reasoning: 'Hm.' },
  ],
  [
    'deepseek-ai-DeepSeek-V3.1',
    `Hm.</think><｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>${paris}<｜tool▁call▁end｜><｜tool▁calls▁end｜>`,
    { reasoning: 'Hm.' },
  ],
  ['LFM2-8B-A1B', '<|tool_call_start|>[get_weather(city="Paris")]<|tool_call_end|>', {}],
  [
    'CohereForAI-c4ai-command-r7b-12-2024-tool_use',
    `<|START_THINKING|>Hm.<|END_THINKING|><|START_ACTION|>[\n    {"tool_call_id": "0", "tool_name": "get_weather", "parameters": ${paris}}\n]<|END_ACTION|>`,
    { reasoning: 'Hm.' },
  ],
  ['Qwen3-Coder', `Look.\n<tool_call>\n${xml}\n</tool_call>`, { content: 'Look.' }],
  ['Qwen3.5-4B', `Hm.\n</think>\n\n<tool_call>\n${xml}\n</tool_call>`, { reasoning: 'Hm.' }],
  [
    'GLM-4.6',
    '<think>Hm.</think>\n<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Paris</arg_value>\n</tool_call>',
    { reasoning: 'Hm.' },
  ],
  [
    'Apriel-1.6-15b-Thinker-fixed',
    `Hm.\n[BEGIN FINAL RESPONSE]\n<tool_calls>[{"name": "get_weather", "arguments": ${paris}}]</tool_calls>`,
    { reasoning: 'Hm.' },
  ],
  [
    'ByteDance-Seed-OSS',
    '<seed:think>Hm.</seed:think><seed:tool_call>\n<function=get_weather>\n<parameter=city>Paris</parameter>\n</function>\n</seed:tool_call>',
    { reasoning: 'Hm.' },
  ],
  [
    'Kimi-K2-Instruct',
    `<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>${paris}<|tool_call_end|><|tool_calls_section_end|>`,
    {},
  ],
  ['phi4Mini', `Look.<|tool_call|>[${json}, ${json}]<|/tool_call|>`, { content: 'Look.' }, 2],
  ['functionGemma', `${gemmaCall}${gemmaCall}`, {}, 2],
  ['functionGemma, behind a text', `Look. ${gemmaCall}`, { content: 'Look.' }],
  [
    'Mistral-Small-3.2-24B-Instruct-2506',
    `Look.[TOOL_CALLS]get_weather[CALL_ID]a1B2c3D4e[ARGS]${paris}[TOOL_CALLS]get_weather[CALL_ID]bbbbbbbbb[ARGS]${paris}`,
    { content: 'Look.' },
    2,
  ],
  ['Mistral-Small-3.2-24B-Instruct-2506, without an id', `[TOOL_CALLS]get_weather[ARGS]${paris}`, {}],
  ['Qwen-Qwen2.5-7B-Instruct, fence', `Look.\n\`\`\`json\n${json}\n\`\`\``, { content: 'Look.' }],
  ['Qwen-Qwen2.5-7B-Instruct, fences', `\`\`\`json\n${json}\n\`\`\`\n\`\`\`json\n${json}\n\`\`\``, {}, 2],
  ['Qwen-Qwen2.5-7B-Instruct, tools', `Look.\n<tools>\n${json}\n${json}\n</tools>`, { content: 'Look.' }, 2],
  ['Qwen-Qwen2.5-7B-Instruct, JSON alone', `${json}\n`, {}],
  ['Qwen-Qwen2.5-7B-Instruct, JSON alone twice', `${json}\n${json}`, {}, 2],
  ['gemma3', `Look.\n\`\`\`tool_code\n${python}\n\`\`\``, { content: 'Look.' }],
  ['gemma3, calls', `\`\`\`tool_code\n${python}\nprint(get_weather(city='Paris'))\n\`\`\``, {}, 2],
  ['gemma3, a value alone', '```tool_code\nget_weather("Paris")\nprint(get_weather(\'Paris\'))\n```', {}, 2],
  ['gemma3, told', hermes, {}],
];

/** Texts that no call is in, though parts of one are. */
const mentions = [
  'The mark `<tool_call>` starts a call, and <tools> has the tools.',
  'Data:\n```json\n{"city": "Paris"}\n```\nDone.',
  '```json\n{"name": "Ada", "age": 36}\n```',
  '```json\n{"name": "get_news", "arguments": {"city": "Paris"}}\n```',
  '<tools>\n{"type": "function"}\n</tools>',
  '```tool_code\nprint("Paris")\n```',
  '```tool_code\nget_news(city="Paris")\n```',
  '{"name": "Ada", "arguments": {"city": "Paris"}}',
  '{"name": "get_weather", "age": 36}',
  `The call is ${json}`,
  'Call get_weather(city="Paris") in Python:\n```python\nget_weather(city="Paris")\n```',
];

describe.each(families)('%s', (family, text, expected, count = 1) => {
  const calls = Array.from({ length: count }, () => ({ name: 'get_weather', arguments: { city: 'Paris' } }));
  const message = { reasoning: '', content: '', ...expected, calls };

  it('has its calls and thoughts apart, whole and cut at every place', async () => {
    const { reader } = await openFormat(openFamily(family));
    for (let cut = 0; cut <= text.length; cut += 1) {
      const parsed = new ChatReader(reader);
      const pieces = [...parsed.push(text.slice(0, cut)), ...parsed.push(text.slice(cut)), ...parsed.end()];
      expect(joinPieces(pieces), `cut at ${cut}`).toEqual(message);
      expect(parsed.isCalling).toBe(false);
    }
    const parsed = new ChatReader(reader);
    const pieces = Array.from(text, (character) => parsed.push(character)).flat();
    expect(joinPieces([...pieces, ...parsed.end()])).toEqual(message);
  });

  it('has a form that a required call must have', async () => {
    const { grammar } = await openFormat(openFamily(family), { mustCall: true, parallel: false });

    expect(grammar?.gbnf).toContain('root ::= ');
    expect(grammar).not.toHaveProperty('triggers');
  });
});

describe.each(['phi4Mini', 'functionGemma', 'Mistral-Small-3.2-24B-Instruct-2506', 'gemma3'])(
  'every text that the grammar of %s allows',
  (family) => {
    it.each([
      ['one call that must come', { mustCall: true, parallel: false }],
      ['calls that must come', { mustCall: true }],
      ['one call behind a mark', { parallel: false }],
      ['calls behind a mark', {}],
    ])('is read as calls: %s', async (_, options) => {
      const { reader, grammar } = await openFormat(openTemplate(family), options);
      const gbnf = new Gbnf(grammar?.gbnf ?? '');
      const random = seededRandom(19);
      for (let round = 0; round < 20; round += 1) {
        const text = gbnf.sample(random);
        const parsed = new ChatReader(reader);
        const { content, calls } = joinPieces([...parsed.push(text), ...parsed.end()]);
        expect(content, text).toBe('');
        const expected = { name: 'get_weather', arguments: { city: expect.any(String) } };
        expect(calls, text).toEqual(calls.map(() => expected));
        expect(parsed.isCalling).toBe(false);
        if ('parallel' in options) expect(calls, text).toHaveLength(1);
        else expect(calls.length).toBeGreaterThan(0);
      }
    });
  },
);

describe('the arguments of a call', () => {
  const toolWith = (properties: object, required?: readonly string[]) => ({
    type: 'function' as const,
    function: { name: 'f', parameters: { type: 'object', properties, ...(required && { required }) } },
  });

  it.each(['functionGemma', 'gemma3'])(
    'have their names and types in a form without JSON: %s',
    async (family) => {
      const template = openTemplate(family);
      const rendered = await template.render([{ role: 'user', content: 'Hi' }]);
      const random = seededRandom(7);
      const types = { a: { type: 'integer' }, b: { type: 'string' }, c: { type: 'boolean' }, 'd e': {} };
      for (const tools of [
        [toolWith(types, ['c', 'a'])],
        [toolWith({ a: types.a, c: types.c })],
        [toolWith({ a: types.a })],
        [toolWith({})],
      ]) {
        const schemas = schemasToGbnf({ tools, json: undefined });
        const options = { tools, mustCall: false, parallel: false, isJson: false, schemas, compile };
        const { reader, grammar } = await findChatFormat(template, rendered, options);
        const gbnf = new Gbnf(grammar?.gbnf ?? '');
        for (let round = 0; round < 30; round += 1) {
          const text = gbnf.sample(random);
          // Python has no such name.
          if (family === 'gemma3' && text.includes('tool_code') && text.includes('d e')) continue;
          const parsed = new ChatReader(reader);
          const { calls } = joinPieces([...parsed.push(text), ...parsed.end()]);
          expect(calls, text).toHaveLength(1);
          for (const { parameters } of tools.map((each) => each.function)) {
            if (Object.keys(parameters.properties).length === 0) continue;
            const { valid } = validateJson(parameters, JSON.stringify(calls[0]?.arguments));
            expect(valid, text).toBe(true);
          }
        }
      }
    },
  );
});

describe.each(['gemma3', 'Qwen-Qwen2.5-7B-Instruct'])('a text of %s that only mentions calls', (family) => {
  it.each(mentions)('is content: %j', async (text) => {
    const { reader, grammar } = await openFormat(openTemplate(family));
    for (const pieces of [[text], [...text]]) {
      const parsed = new ChatReader(reader);
      const message = joinPieces([...pieces.flatMap((piece) => parsed.push(piece)), ...parsed.end()]);
      expect(message).toEqual({ reasoning: '', content: text, calls: [] });
      expect(parsed.isCalling).toBe(false);
    }
    const marked = grammar?.triggers?.filter((trigger) => new RegExp(trigger).test(text));
    // Behind this mark, the next token of the model decides.
    expect(marked).toEqual(text.includes('<tool_call>') ? ['<tool_call>'] : []);
  });

  it.each([
    ['```json\n{"na', false],
    ['```json\n{"name": "get_weather", "argu', true],
    ['{"name": "get_weath', false],
    ['{"name": "get_weather", "arguments": {"ci', true],
    ['<tool_call>\n{"na', true],
    ['```tool_code\nget_weath', false],
    ['```tool_code\nget_weather(ci', true],
  ])('ends within a call when its start is there: %j', async (text, isCalling) => {
    const { reader } = await openFormat(openTemplate(family));
    const parsed = new ChatReader(reader);
    const { content } = joinPieces(
      [...parsed.push(text), ...parsed.end()].filter(({ type }) => type === 'content'),
    );

    expect(parsed.isCalling).toBe(isCalling);
    expect(content).toBe(isCalling ? '' : text);
  });
});

/** Thoughts that an answer follows, and what the template must be given for them. */
const answers: readonly [family: string, text: string, kwargs?: object][] = [
  ['Qwen-Qwen3-0.6B', '<think>\nIs </a closed?\n</think>\n\nYes.'],
  [
    'openai-gpt-oss-120b',
    '<|channel|>analysis<|message|>Is </a closed?<|end|><|start|>assistant<|channel|>final<|message|>Yes.',
  ],
  ['mistralai-Ministral-3-14B-Reasoning-2512', '[THINK]Is </a closed?[/THINK]Yes.'],
  ['google-gemma-4-31B-it', '<|channel>thought\nIs </a closed?<channel|>Yes.'],
  [
    'CohereForAI-c4ai-command-r7b-12-2024-tool_use',
    '<|START_THINKING|>Is </a closed?<|END_THINKING|><|START_RESPONSE|>Yes.<|END_RESPONSE|>',
  ],
  ['Apriel-1.6-15b-Thinker-fixed', 'Is </a closed?\n[BEGIN FINAL RESPONSE]\nYes.'],
  ['ByteDance-Seed-OSS', '<seed:think>Is </a closed?</seed:think>Yes.'],
  // A stop string ends it before </response>.
  [
    'ibm-granite-granite-3.3-2B-Instruct',
    '<think>Is </a closed?</think>\n<response>Yes.',
    { thinking: true },
  ],
  ['ibm-granite-granite-3.3-2B-Instruct', '<think>Is </a closed?</think>\nYes.', { thinking: true }],
];

describe.each(answers)('an answer of %s behind thoughts', (family, text, kwargs = {}) => {
  const user = { role: 'user', content: 'Hi' } as const;
  const plain = { tools: [], mustCall: false, parallel: true, isJson: false, schemas: '', compile };

  it('has the thoughts apart, whole and cut at every place', async () => {
    const template = openTemplate(family);
    const rendered = await template.render([user], { thinking: true, kwargs: { ...kwargs } });
    const { reader, stops } = await findChatFormat(template, rendered, plain);
    for (let cut = 0; cut <= text.length; cut += 1) {
      const parsed = new ChatReader(reader);
      const pieces = [...parsed.push(text.slice(0, cut)), ...parsed.push(text.slice(cut)), ...parsed.end()];
      expect(joinPieces(pieces)).toEqual({ reasoning: 'Is </a closed?', content: 'Yes.', calls: [] });
    }
    expect(stops.includes('</response>')).toBe('thinking' in kwargs);
  });
});

/** The texts around thoughts, and the mark of calls. */
const thoughtTexts: readonly [family: string, start: string, end: string, mark?: string][] = [
  ['Qwen-Qwen3-0.6B', '<think>\n', '\n</think>\n\n'],
  ['Qwen-QwQ-32B', '', '\n</think>\n\n'],
  ['HuggingFaceTB-SmolLM3-3B', '<think>\n', '\n</think>\n'],
  ['GLM-4.6', '<think>', '</think>\n'],
  ['Qwen3.5-4B', '', '\n</think>\n\n'],
  ['mistralai-Ministral-3-14B-Reasoning-2512', '[THINK]', '[/THINK]', '[TOOL_CALLS]'],
  ['google-gemma-4-31B-it', '<|channel>thought\n', '<channel|>', '<|tool_call>'],
];

describe.each(thoughtTexts)('an answer of %s that mentions a call behind thoughts', (...entry) => {
  const [family, start, end, mark = '<tool_call>'] = entry;
  const content = `The mark \`${mark}\` starts a call.`;

  it.each(['The mark `x`?', 'Hm.'])('has all of its content, behind %j', async (reasoning) => {
    const { reader } = await openFormat(openTemplate(family));
    const text = `${start}${reasoning}${end}${content}`;
    for (let cut = 0; cut <= text.length; cut += 1) {
      const parsed = new ChatReader(reader);
      const pieces = [...parsed.push(text.slice(0, cut)), ...parsed.push(text.slice(cut)), ...parsed.end()];
      expect(joinPieces(pieces), `cut at ${cut}`).toEqual({ reasoning, content, calls: [] });
    }
  });
});

it.each([
  ['Qwen3-Coder', '<tool_call>'],
  ['unsloth-mistral-Devstral-Small-2507', '[TOOL_CALLS]'],
])('an answer of %s that mentions a call has all of its content', async (family, mark) => {
  const content = `The mark \`${mark}\` starts a call.`;
  const { reader } = await openFormat(openTemplate(family));
  for (let cut = 0; cut <= content.length; cut += 1) {
    const parsed = new ChatReader(reader);
    const pieces = [
      ...parsed.push(content.slice(0, cut)),
      ...parsed.push(content.slice(cut)),
      ...parsed.end(),
    ];
    expect(joinPieces(pieces), `cut at ${cut}`).toEqual({ reasoning: '', content, calls: [] });
    expect(parsed.isCalling).toBe(false);
  }
});

describe('a text without a call', () => {
  it.each(families.map(([family]) => family).filter((family) => !family.includes(',')))(
    'does not end within one: %s',
    async (family) => {
      const template = openTemplate(family);
      const { reader } = await openFormat(template);
      const parsed = new ChatReader(reader);
      const end = reader.thoughts?.hasStarted ? (reader.thoughts.ends[0] ?? '') : '';
      parsed.push(`${end}It is warm.`);
      parsed.end();

      expect(parsed.isCalling).toBe(false);
    },
  );
});

describe('a prompt', () => {
  const user = { role: 'user', content: 'Hi' } as const;

  it('has the answers whose thoughts the template does not know', async () => {
    const answer = { role: 'assistant', content: 'Hello.', reasoning_content: 'Hm.' } as const;

    const { prompt } = await openTemplate('unsloth-mistral-Devstral-Small-2507').render([user, answer, user]);
    expect(prompt).toContain('Hello.');
  });

  it('has the date that the template itself writes', async () => {
    const { prompt } = await openTemplate('meta-llama-Llama-3.1-8B-Instruct').render([user]);
    expect(prompt).toContain('Today Date: 26 Jul 2024');
  });

  it.each([
    ['Qwen-Qwen3-0.6B', undefined, 'assistant\n'],
    ['Qwen-Qwen3-0.6B', false, '<think>\n\n</think>\n\n'],
    ['openbmb-MiniCPM5-1B', undefined, 'assistant\n'],
    ['Qwen-QwQ-32B', undefined, '</think>'],
    ['Qwen-QwQ-32B', true, '<think>\n'],
  ])('turns thoughts on only when it is asked to: %s, %s', async (name, thinking, end) => {
    const { prompt } = await openTemplate(name).render([user], { thinking });

    expect(prompt.endsWith(end)).toBe(true);
  });
});
