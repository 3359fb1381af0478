// The prompt of a decisions request: a chat about the input whose last message is a question. Only the question differs.
import { randomUUID } from 'node:crypto';
import { RequestError } from '../../errors/request-error.ts';
import type { RequestContext } from '../../generation/context.ts';
import { renderTemplate } from '../chat/chat-prompt.ts';
import type { ModelService } from '../service.ts';
import { toMessages } from './decision-input.ts';
import type { DecisionsRequest } from './decisions-request.ts';

/** The texts before and behind a question, for {@link tokenizeRendered}. */
export interface DecisionPrompt {
  readonly before: string;
  readonly after: string;
}

/**
 * Renders the prompt with the model's chat template.
 *
 * @throws {RequestError} when the model has no chat template, or cannot read the input
 */
export async function renderDecisionPrompt(
  { input }: DecisionsRequest,
  service: ModelService,
  context: Pick<RequestContext, 'foreignFields'>,
): Promise<DecisionPrompt> {
  // A text that no input has.
  const place = `question ${randomUUID()}`;
  const messages =
    typeof input === 'string'
      ? [{ role: 'user', content: `${input}\n\n${place}` }]
      : [...toMessages(input), { role: 'user', content: place }];
  const prompt = await renderInput(
    { messages, chat_template_kwargs: { enable_thinking: false } },
    service,
    context,
  );
  const [before, after, ...more] = prompt.split(place);
  if (before === undefined || after === undefined || more.length > 0) {
    throw new RequestError('invalid_value', "The model's chat template does not render the question once.", {
      param: 'input',
    });
  }
  // Some templates always start the thoughts.
  return { before, after: /<think>\s*$/.test(after) ? `${after.trimEnd()}\n\n</think>\n\n` : after };
}

/** Renders messages. Its errors name the field of this request where the chat's name theirs. */
async function renderInput(...chat: Parameters<typeof renderTemplate>): Promise<string> {
  try {
    return await renderTemplate(...chat);
  } catch (error) {
    if (!(error instanceof RequestError) || error.param === null) throw error;
    const { code, message, headers } = error;
    throw new RequestError(code, message, { param: error.param.replace(/^messages/, 'input'), headers });
  }
}
