// What a model can do in chats, found by rendering examples with its chat template. It takes no weights.
import { toldFormat } from '../../src/chat/call-forms.ts';
import { ChatTemplate, type RenderedPrompt } from '../../src/chat/chat-template.ts';
import type { ChatMessage, ChatTool } from '../../src/chat/conversation.ts';
import { toTemplateMessages } from '../../src/chat/messages.ts';
import { openChatLibrary } from '../../src/engine/llama/open-chat-library.ts';
import { formatTable } from '../terminal/format.ts';
import { findDate } from './template-dates.ts';

const tool: ChatTool = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather of a city.',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
};

const question: readonly ChatMessage[] = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'Is it warm in Paris?' },
];

const conversation: readonly ChatMessage[] = [
  ...question,
  {
    role: 'assistant',
    content: '',
    calls: [{ id: 'call00001', name: 'get_weather', arguments: '{"city": "Paris"}' }],
  },
  { role: 'tool', content: '18 degrees', callId: 'call00001', name: 'get_weather' },
];

/** What is said of a model that can generate but has no template. */
const noTemplate =
  'It has no chat template, so it completes texts but does not chat. Name one: "chatTemplate" of its entry in the catalog, ' +
  '--chat-template of add, or CHAT_TEMPLATE where it runs takes a Jinja file, or one of the names that llama.cpp has';

/** Describes a model without a template. */
export function describeMissingTemplate(): string {
  return `${noTemplate}: ${openChatLibrary().ChatTemplates.listNames().join(', ')}.`;
}

/**
 * Opens a template without its model. The texts of the tokens that begin and end a text are unknown.
 *
 * @throws {Error} when native/chat is not compiled
 */
export function openTemplate(chatTemplate: string): ChatTemplate {
  return new ChatTemplate({
    chatTemplate,
    bosToken: undefined,
    eosToken: undefined,
    openLibrary: () => openChatLibrary(),
  });
}

/**
 * Describes what a model can, a line for each fact, and shows a conversation in its format.
 *
 * @throws {ChatTemplateError} when the template cannot be parsed
 * @throws {RequestError} `server_error` when it exceeds a limit
 */
export async function describeTemplate(template: ChatTemplate): Promise<string> {
  const { abilities } = template;
  const { thoughts } = abilities;
  const yes = (can: boolean, otherwise = 'no') => (can ? 'yes' : otherwise);
  const marks = thoughts && `between ${quote(thoughts.start)} and ${quote(thoughts.ends[0] ?? '')}`;
  const isTold = template.callFormat === toldFormat;
  const rendered = await render(template, question);
  const date = findDate(rendered.prompt);
  const facts: [string, string][] = [
    ['system messages', yes(abilities.systemRole, 'no: they go into the first message of the user')],
    ['tools', yes(abilities.writesTools, 'no: the system message describes them')],
    ['calls', isTold ? 'as <tool_call>, which the system message explains' : "in the family's format"],
    ['parallel calls', yes(abilities.parallelCalls || isTold)],
    ['thinking', marks ? `${marks}; ${describeSwitch(template)}` : 'no'],
    ['thinking_budget_tokens', yes(thoughts !== undefined)],
    ['reasoning_effort', yes(abilities.reasoningEffort, 'only none turns thoughts off, if the template can')],
    ['images', 'no'],
    ...(date === undefined
      ? []
      : [
          ['date', `it writes today's, ${quote(date)}: prefixes of chats cannot be baked`] as [
            string,
            string,
          ],
        ]),
  ];
  const { prompt, generationPrompt } = await render(template, conversation, [tool]);
  const { stops } = await template.findFormat(rendered, {
    tools: [],
    toolChoice: 'auto',
    parallel: true,
    hasSchema: false,
  });
  return [
    formatTable(facts, []),
    '',
    'A conversation with a tool in its format:',
    indent(prompt),
    `Answers follow ${quote(generationPrompt)}${stops.length > 0 ? `, and end at ${stops.map(quote).join(' or ')}` : ''}.`,
  ].join('\n');
}

function describeSwitch({ abilities: { canSwitchThinking, thinksByDefault } }: ChatTemplate): string {
  if (!canSwitchThinking) return 'always';
  return thinksByDefault ? 'unless a request turns it off' : 'if a request turns it on';
}

function render(
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  tools: readonly ChatTool[] = [],
): Promise<RenderedPrompt> {
  const { abilities } = template;
  const converted = toTemplateMessages(messages, tools, { template, imagePlaceholders: false });
  return template.render(converted, { ...(tools.length > 0 && abilities.writesTools && { tools }) });
}

function quote(text: string): string {
  return JSON.stringify(text);
}

function indent(text: string): string {
  return text.replace(/^/gm, '  ');
}
