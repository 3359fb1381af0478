// The prompt of a chat: its messages as the model's template renders them, as tokens.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ChatTemplate, RenderedPrompt, TemplateVariables } from '../../chat/chat-template.ts';
import { breakMark, ControlMarks } from '../../chat/control-marks.ts';
import type { ChatTool } from '../../chat/conversation.ts';
import { toTemplateMessages } from '../../chat/messages.ts';
import { ChatTemplateError } from '../../chat/template-errors.ts';
import type { TemplateMessage } from '../../chat/template-message.ts';
import type { Token } from '../../engine/engine.ts';
import { RequestError } from '../../errors/request-error.ts';
import type { RequestContext } from '../../generation/context.ts';
import type { ForeignFields } from '../../generation/foreign-fields.ts';
import { assertGenerates, assertMayFit, assertModel, assertNamedModel } from '../generation-request.ts';
import { isDeeperThan, mostLevels } from '../nesting.ts';
import type { ModelService } from '../service.ts';
import { takeBegunAnswer, toPromptEnd } from './begun-answer.ts';
import { type ChatRequest, parseChatRequest, parseTemplateRequest } from './chat-request.ts';
import { toConversation } from './history.ts';
import type { MessageFields } from './message-fields.ts';

/** What a template renders. */
export interface Conversation {
  readonly messages: readonly MessageFields[];
  readonly tools: readonly ChatTool[];
  readonly variables: Omit<TemplateVariables, 'tools'>;
}

/**
 * Answers POST /apply-template with the prompt that the template renders.
 *
 * @throws {RequestError} when the request is invalid or does not fit the model
 */
export async function applyTemplate(
  body: unknown,
  service: ModelService,
  context: Pick<RequestContext, 'foreignFields'> = {},
): Promise<{ prompt: string }> {
  return { prompt: (await renderTemplate(body, service, context)).replaceAll(breakMark, '') };
}

/**
 * Renders the prompt of an /apply-template request for {@link tokenizeRendered}.
 *
 * @throws {RequestError} when the request is invalid or does not fit the model
 */
export async function renderTemplate(
  body: unknown,
  service: ModelService,
  { foreignFields }: Pick<RequestContext, 'foreignFields'> = {},
): Promise<string> {
  const {
    messages,
    tools = [],
    chat_template_kwargs: kwargs,
    model,
  } = parseTemplateRequest(body, foreignFields);
  assertModel(model, service);
  const variables = toVariables(undefined, kwargs);
  const { prompt } = await renderPrompt({ messages, tools, variables }, service);
  return prompt;
}

/**
 * Converts a rendered prompt to tokens, piece by piece where texts of control tokens are broken.
 *
 * @throws {RequestError} `context_length_exceeded` when it has too many characters to fit the context
 */
export async function tokenizeRendered(
  prompt: string,
  service: ModelService,
  param: string,
): Promise<Token[]> {
  assertMayFit(prompt, service.engine.contextSize, param);
  return service.engine.tokenizeAside(prompt, { special: true, isPrompt: true, breakMark });
}

/**
 * Converts a part of a rendered prompt that follows another one, as {@link tokenizeRendered} does.
 *
 * @throws {RequestError} `context_length_exceeded` when it has too many characters to fit the context
 */
export async function tokenizeBehind(part: string, service: ModelService, param: string): Promise<Token[]> {
  assertMayFit(part, service.engine.contextSize, param);
  return service.engine.tokenizeAside(part, { special: true, breakMark });
}

/**
 * Counts the tokens of the prompt that a chat request makes.
 *
 * @throws {RequestError} when the request is invalid, or its prompt has too many characters to fit the context
 */
export async function countPromptTokens(
  body: unknown,
  service: ModelService,
  { foreignFields }: Pick<RequestContext, 'foreignFields'> = {},
): Promise<number> {
  const { tokens } = await preparePrompt(parseChatRequest(body, foreignFields), service, foreignFields);
  return tokens.length;
}

/** Renders the prompt of a chat request and converts it to tokens, however many they are. */
export async function preparePrompt(
  request: ChatRequest,
  service: ModelService,
  foreign: ForeignFields | undefined,
) {
  // As in OpenAI's API, where a completion needs a model too; the invoke URL asks for one without.
  assertNamedModel(request.model, service);
  assertGenerates(service);
  const template = requireTemplate(service);
  const tools = request.tool_choice === 'none' ? [] : (request.tools ?? []);
  const variables = toVariables(readEffort(request, template, foreign), request.chat_template_kwargs);
  const { messages, text: begun } = takeBegunAnswer(request);
  const conversation = { messages, tools, variables };
  // Very many fields take long at each step. Others are answered in between.
  await nextTurn();
  const rendered = await renderPrompt(conversation, service);
  const end = toPromptEnd(
    begun,
    rendered,
    variables,
    template.abilities,
    new ControlMarks(service.engine, 'messages'),
  );
  const tokens = await tokenizeRendered(rendered.prompt + end, service, 'messages');
  return { template, conversation, tokens, rendered, begun };
}

/** @throws {RequestError} when the model has no template, or one that cannot be parsed */
function requireTemplate({ chatTemplate }: ModelService): ChatTemplate {
  if (chatTemplate === undefined)
    throw new RequestError(
      'unsupported_parameter',
      'This model has no chat template. Use /v1/completions, or start the server with CHAT_TEMPLATE.',
      {
        param: 'messages',
      },
    );
  try {
    void chatTemplate.abilities;
  } catch (error) {
    throw toRejection(error);
  }
  return chatTemplate;
}

/** Turns a rejection by the template to an error of the request. */
function toRejection(error: unknown): unknown {
  if (!(error instanceof ChatTemplateError)) return error;
  return new RequestError('invalid_value', error.message, { param: 'messages' });
}

/** Returns how much the model is asked to think, if the request says so and the model thinks. */
function readEffort(
  { reasoning_effort: effort }: ChatRequest,
  { abilities: { thoughts, reasoningEffort } }: ChatTemplate,
  foreign: ForeignFields | undefined,
): string | undefined {
  const thinks = thoughts !== undefined || reasoningEffort;
  if (!thinks && effort !== undefined && effort !== 'none')
    foreign?.leaveOut(
      'reasoning_effort',
      "'reasoning_effort' is not supported: this model does not think. Leave it out.",
    );
  return thinks ? effort : undefined;
}

/**
 * Renders the prompt of a conversation for {@link tokenizeRendered}.
 *
 * @throws {RequestError} when the template rejects it
 */
export async function renderPrompt(
  { messages, tools, variables }: Conversation,
  service: ModelService,
): Promise<RenderedPrompt> {
  const template = requireTemplate(service);
  const marks = new ControlMarks(service.engine, 'messages');
  const broken = marks.breakMessages(toConversation(messages));
  const shownTools = marks.breakTools(tools);
  await nextTurn();
  const options = {
    template,
    imagePlaceholders: service.imagePlaceholders ?? false,
  };
  const converted = toShallow(() => toTemplateMessages(broken, shownTools, options));
  try {
    return await template.render(converted, {
      ...variables,
      ...(tools.length > 0 && template.abilities.writesTools && { tools: shownTools.map(toShown) }),
    });
  } catch (error) {
    throw toRejection(error);
  }
}

/** `strict` is for this server, not for the model. */
function toShown({ function: { strict: _, ...shown }, ...tool }: ChatTool): object {
  return { ...tool, function: shown };
}

/**
 * Arguments of calls were texts, and may turn out to be nested too deeply.
 *
 * @throws {RequestError} `invalid_value` when they are
 */
function toShallow(convert: () => TemplateMessage[]): TemplateMessage[] {
  try {
    const messages = convert();
    if (!isDeeperThan(messages, mostLevels)) return messages;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  throw new RequestError('invalid_value', 'The messages are nested too deeply. Reduce their depth.');
}

/** `reasoning_effort` says whether the model thinks, and some templates read how much. */
function toVariables(
  effort: string | undefined,
  kwargs: Readonly<Record<string, unknown>>,
): Omit<TemplateVariables, 'tools'> {
  const isOff = effort === 'none' || effort === 'minimal';
  const { enable_thinking: asked } = kwargs;
  const thinking = typeof asked === 'boolean' ? asked : effort === undefined ? undefined : !isOff;
  return {
    thinking,
    kwargs: { ...(effort !== undefined && !isOff && { reasoning_effort: effort }), ...kwargs },
  };
}
