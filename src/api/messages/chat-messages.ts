// Converts a conversation in Anthropic's format to the messages of a chat.
import type { ForeignFields } from '../../generation/foreign-fields.ts';
import { isJsonObject } from '../../json-schema/json-object.ts';
import type { PromptRequest } from './messages-request.ts';
import type { OwnPaths } from './own-paths.ts';

type Block = Readonly<Record<string, unknown>>;

/** A part of a chat message, and the path of the block that it comes from. */
interface Part {
  readonly part: unknown;
  readonly path: string;
}

/** Separates the texts of two blocks, which are not parts of one sentence. */
const blockEnd = '\n\n';

/**
 * Converts the system prompt and the messages. Each result of a tool becomes a message of its own.
 *
 * @param paths gets the path in the request of each chat message and part
 * @throws {RequestError} `unsupported_parameter` under the strict rule, for a block in an answer that is not used
 */
export function toChatMessages(
  { system, messages }: Pick<PromptRequest, 'system' | 'messages'>,
  paths: OwnPaths,
  foreign: ForeignFields | undefined,
): object[] {
  const chat: object[] = [];
  const add = (message: object, path: string, parts: readonly Part[] = []) => {
    paths.set(`messages.${chat.length}`, path);
    for (const [index, part] of parts.entries())
      paths.set(`messages.${chat.length}.content.${index}`, part.path);
    chat.push(message);
  };
  const systemText = toSystemText(system);
  if (systemText !== '') add({ role: 'system', content: systemText }, 'system');
  for (const [index, { role, content: given }] of messages.entries()) {
    const path = `messages.${index}`;
    const content = given ?? '';
    if (typeof content === 'string') {
      add({ role, content }, path);
      continue;
    }
    const blocks = content.map((block, place) => ({
      block: block as Block,
      path: `${path}.content.${place}`,
    }));
    if (role === 'assistant') {
      add({ role, ...toAnswer(blocks, foreign) }, path);
      continue;
    }
    for (const group of toGroups(blocks)) {
      const [first] = group;
      if (first?.block.type === 'tool_result') {
        const parts = toResultParts(first.block, first.path);
        const content = parts.map(({ part }) => part);
        add({ role: 'tool', tool_call_id: first.block.tool_use_id, content }, first.path, parts);
      } else {
        const parts = toParts(group);
        add({ role, content: parts.map(({ part }) => part) }, path, parts);
      }
    }
  }
  return chat;
}

/**
 * Claude Code starts its system prompt with a line for Anthropic's billing. It differs in each request, so that no two prompts
 * would have a common beginning. https://github.com/anthropics/claude-code/issues/68900
 */
const billingLine = /^x-anthropic-billing-header:[^\n]*\n?/;

function toSystemText(system: PromptRequest['system']): string {
  const texts = typeof system === 'string' ? [system] : (system ?? []).map(({ text }) => text);
  return texts
    .map((text) => text.replace(billingLine, ''))
    .filter((text) => text !== '')
    .join(blockEnd);
}

interface PlacedBlock {
  readonly block: Block;
  readonly path: string;
}

/** Groups the blocks of a turn: a result of a tool is alone, and other blocks stay together. */
function toGroups(blocks: readonly PlacedBlock[]): PlacedBlock[][] {
  const groups: PlacedBlock[][] = [];
  for (const placed of blocks) {
    const group = groups.at(-1);
    const isAlone = placed.block.type === 'tool_result' || group?.[0]?.block.type === 'tool_result';
    if (group === undefined || isAlone) groups.push([placed]);
    else group.push(placed);
  }
  return groups.length === 0 ? [[]] : groups;
}

function toParts(blocks: readonly PlacedBlock[]): Part[] {
  const parts = blocks.map(({ block, path }) => ({ part: toPart(block), path }));
  return parts.map(({ part, path }, index) => {
    const isBetween = index > 0 && isText(part) && isText(parts[index - 1]?.part);
    // A chat puts each part on a line of its own.
    return { part: isBetween ? { ...part, text: `\n${part.text}` } : part, path };
  });
}

function isText(part: unknown): part is { readonly type: 'text'; readonly text: string } {
  return isJsonObject(part) && part.type === 'text' && typeof part.text === 'string';
}

/** Converts a block. One that this server cannot read stays as it is, and the chat refuses it. */
function toPart(block: Block): unknown {
  switch (block.type) {
    case 'text':
      return { type: 'text', text: block.text };
    case 'image':
      return { type: 'image' };
    case 'document':
      return toDocument(block);
    case 'search_result':
      return toTextPart([block.title, block.source, ...toTexts(block.content)]);
    default:
      return block;
  }
}

/** Converts a document of texts. Chat refuses a file. */
function toDocument({ source, title, context }: Block): unknown {
  const { type, data, content }: Block = isJsonObject(source) ? source : {};
  if (type === 'text') return toTextPart([title, context, data]);
  const texts = toTexts(content);
  return type === 'content' && texts.every((text) => typeof text === 'string')
    ? toTextPart([title, context, ...texts])
    : { type: 'file' };
}

/** Returns the texts of blocks, with `undefined` for a block of another kind. */
function toTexts(content: unknown): unknown[] {
  if (!Array.isArray(content)) return [content];
  return content.map((block: unknown) => (isText(block) ? block.text : undefined));
}

function toTextPart(texts: readonly unknown[]): object {
  return { type: 'text', text: texts.filter((text) => typeof text === 'string').join('\n') };
}

function toResultParts({ content = '', is_error: isError }: Block, path: string): Part[] {
  // Chat templates have no field for it.
  const mark = isError === true ? [{ part: { type: 'text', text: 'Error:' }, path }] : [];
  const items: readonly unknown[] = Array.isArray(content) ? content : [content];
  const blocks = items.map((item, place) => ({
    block: isJsonObject(item) ? item : { type: 'text', text: String(item) },
    path: `${path}.content.${place}`,
  }));
  return [...mark, ...toParts(blocks)];
}

/** Converts the blocks of an earlier answer to the fields of a chat message. */
function toAnswer(blocks: readonly PlacedBlock[], foreign: ForeignFields | undefined): object {
  const texts: unknown[] = [];
  const thoughts: unknown[] = [];
  const calls: object[] = [];
  for (const { block, path } of blocks) {
    switch (block.type) {
      case 'text':
        texts.push(block.text);
        break;
      case 'thinking':
        thoughts.push(block.thinking);
        break;
      case 'tool_use': {
        const { id, name, input = {} } = block;
        calls.push({ id, type: 'function', function: { name, arguments: input } });
        break;
      }
      case 'redacted_thinking':
        break;
      default:
        foreign?.leaveOut(
          path,
          `'${path}' is not supported: the model cannot read such a block of an answer.`,
        );
    }
  }
  const reasoning = thoughts.filter((text) => typeof text === 'string').join('\n');
  return {
    // Citations cut a sentence into several blocks.
    content: texts.filter((text) => typeof text === 'string').join(''),
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}
