// The prompts of llama.cpp's collection of chat templates beside those of Jinja's own engine, set up as transformers sets it up.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TemplateMessage } from '../../src/chat/template-message.ts';
import { ownTemplates } from '../unit/chat/own-templates.ts';
import { useTemplateCollection } from '../unit/chat/template-collection.ts';
import { type PythonCalls, pythonSetupTimeout, setUpPython, startPythonCalls } from './python-environment.ts';

const collection = useTemplateCollection();
let python: PythonCalls;

beforeAll(async () => {
  await setUpPython();
  python = startPythonCalls('template_calls.py', []);
}, pythonSetupTimeout);

afterAll(() => python.end());

interface Conversation {
  readonly messages: readonly TemplateMessage[];
  readonly tools?: readonly object[];
  readonly thinking?: boolean;
}

const system: TemplateMessage = { role: 'system', content: 'You are brief.' };
const user = (content: string): TemplateMessage => ({ role: 'user', content });
const answer = (content: string, more: Partial<TemplateMessage> = {}): TemplateMessage => ({
  role: 'assistant',
  content,
  ...more,
});
const result = (content: string, id = 'call00001'): TemplateMessage => ({
  role: 'tool',
  content,
  tool_call_id: id,
  name: 'get_weather',
});
const call = (given: object, id = 'call00001') => ({
  id,
  type: 'function' as const,
  function: { name: 'get_weather', arguments: given },
});
const paris = call({ city: 'Paris' });
const properties = { city: { type: 'string', description: 'Its name' }, days: { type: 'integer' } };
const parameters = { type: 'object', properties, required: ['city'] };
const tool = {
  type: 'function',
  function: { name: 'get_weather', description: 'The weather of a city.', parameters },
};
const question = user('Is it warm in Paris?');
const nested = { list: [1, 2.5, null, true], text: 'x\ny' };

const conversations: Readonly<Record<string, Conversation>> = {
  user: { messages: [question] },
  system: { messages: [system, question] },
  turns: { messages: [question, answer('Yes.'), user('And Oslo?')] },
  'turns behind a system message': { messages: [system, question, answer('Yes.'), user('And Oslo?')] },
  tools: { messages: [question], tools: [tool] },
  'tools and a system message': { messages: [system, question], tools: [tool] },
  'a tool without a description': {
    messages: [question],
    tools: [{ type: 'function', function: { name: 'now' } }, tool],
  },
  'a result': {
    messages: [question, answer('', { tool_calls: [paris] }), result('18 degrees')],
    tools: [tool],
  },
  'an answer behind a result': {
    messages: [
      question,
      answer('', { tool_calls: [paris] }),
      result('18 degrees'),
      answer('It is 18 degrees.'),
      user('And Oslo?'),
    ],
    tools: [tool],
  },
  'two calls': {
    messages: [
      question,
      answer('', { tool_calls: [paris, call({ city: 'Oslo', days: 2 }, 'call00002')] }),
      result('18 degrees'),
      result('3 degrees', 'call00002'),
    ],
    tools: [tool],
  },
  'a call with a text': {
    messages: [question, answer('Let me see.', { tool_calls: [paris] }), result('18 degrees')],
    tools: [tool],
  },
  'a call with values of all types': {
    messages: [
      question,
      answer('', { tool_calls: [call({ city: `Ö "q" 's' <b>`, nested })] }),
      result('{"temp": 18, "ok": true}'),
    ],
    tools: [tool],
  },
  'an empty answer': { messages: [question, answer(''), user('Hello?')] },
  'thoughts of an earlier answer': {
    messages: [question, answer('Yes.', { reasoning_content: 'Hm.' }), user('And Oslo?')],
  },
  'thoughts before a call': {
    messages: [question, answer('', { reasoning_content: 'Hm.', tool_calls: [paris] }), result('18 degrees')],
    tools: [tool],
  },
  'thinking off': { messages: [system, question], thinking: false },
  'thinking on': { messages: [system, question], thinking: true },
  blanks: {
    messages: [
      { role: 'system', content: '\n You are brief. \n' },
      user('  Is it warm?\n\n'),
      answer('\n\nYes. \n'),
      user(' And Oslo? '),
    ],
  },
  signs: { messages: [user(`<b>"É"</b> & 'x' \\n 日本 {{ x }}`)] },
  'a later system message': {
    messages: [
      system,
      question,
      answer('Yes.'),
      { role: 'system', content: 'Now be long.' },
      user('And Oslo?'),
    ],
  },
};

/** Texts and values of the conversations. No prompt lacks one that Jinja's has. */
const parts = [
  'You are brief.',
  'Is it warm',
  'Yes.',
  'And Oslo?',
  'Let me see.',
  'Hm.',
  'Paris',
  '2.5',
  'None',
  '18',
];

/** Why prompts differ: the first reason that is one of a template and a conversation. */
const reasons: Readonly<Record<string, (template: string, conversation: string) => boolean>> = {
  "a system message that the template drops becomes the user's": (_, conversation) =>
    conversation === 'a later system message',
  'Python escapes the quotes of JSON in a text': (template) => template === 'meetkai-functionary-medium-v3.1',
  'llama.cpp gives an older template of Gemma 4 results in the newer form': (template) =>
    template === 'google-gemma-4-31B-it-interleaved',
  'llama.cpp gives the template earlier thoughts by the name that it reads': (template, conversation) =>
    conversation.startsWith('thoughts ') && /LFM2.5-8B|Ministral-3|gpt-oss/.test(template),
  'llama.cpp always opens the answer': (template, conversation) =>
    conversation === 'a call with a text' && template === 'google-gemma-4-31B-it',
  'the template drops the text before a call, which becomes a message': (template, conversation) =>
    conversation === 'a call with a text' && /Cohere2MoE|muse-glimmer/.test(template),
  'Python escapes line breaks in a dictionary': (template) => /Seed-OSS|MiniCPM5/.test(template),
  'llama.cpp trims messages': (template, conversation) =>
    conversation === 'blanks' && template === 'StepFun3.5-Flash',
};

it('are the same, but for known reasons', async () => {
  const counts: Record<string, number> = {};
  const add = (outcome: string) => {
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  };
  for (const template of collection.names.filter((name) => !(name in ownTemplates))) {
    const opened = collection.open(template);
    const theirs = await python.call<(string | null)[]>('render', {
      template: opened.source,
      conversations: Object.values(conversations).map(({ messages, tools = null, thinking }) => ({
        messages,
        tools,
        ...(thinking !== undefined && { enable_thinking: thinking }),
      })),
    });
    for (const [index, [name, { messages, ...variables }]] of Object.entries(conversations).entries()) {
      const { prompt } = await opened.render(messages, variables);
      if (theirs[index] === null) add('rendered here alone');
      else if (theirs[index] === prompt) add('the same');
      else {
        const [reason] = Object.entries(reasons).find(([, isReason]) => isReason(template, name)) ?? [];
        add(reason ?? `unknown: ${template}, ${name}`);
        const jinjas = theirs[index] ?? '';
        const lost = parts.filter((part) => jinjas.includes(part) && !prompt.includes(part));
        expect(lost, `${template}, ${name}`).toEqual([]);
      }
    }
  }
  // docs/decisions/0022-chats-by-llama-cpps-own-code.md has them.
  expect(counts).toEqual({
    'the same': 1244,
    'rendered here alone': 120,
    "a system message that the template drops becomes the user's": 12,
    'Python escapes the quotes of JSON in a text': 8,
    'llama.cpp gives an older template of Gemma 4 results in the newer form': 6,
    'llama.cpp gives the template earlier thoughts by the name that it reads': 4,
    'llama.cpp always opens the answer': 1,
    'the template drops the text before a call, which becomes a message': 2,
    'Python escapes line breaks in a dictionary': 2,
    'llama.cpp trims messages': 1,
  });
});
