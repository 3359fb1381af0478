// POST /v1/decisions: answers questions about an input by the probabilities of their answers. Nothing is generated.
import { toTimeUp } from '../../engine/deadline.ts';
import type { Branch, BranchRequest, BranchScores } from '../../engine/engine.ts';
import { RequestError } from '../../errors/request-error.ts';
import { translateEngineError } from '../../generation/choices.ts';
import type { RequestContext } from '../../generation/context.ts';
import { tokenizeRendered } from '../chat/chat-prompt.ts';
import { assertFits, assertGenerates, assertModel, toCacheScope } from '../generation-request.ts';
import type { ModelService } from '../service.ts';
import { toProbabilities } from './answer-probabilities.ts';
import { type Decision, toDecisionAnswer, toDecisionUsage } from './decision.ts';
import { toInstructions } from './decision-input.ts';
import { renderDecisionPrompt } from './decision-prompt.ts';
import { decisionsRequestSchema, parseDecisionsRequest } from './decisions-request.ts';
import { askQuestion } from './question-text.ts';
import { countShared, tokenizeQuestions } from './tokenized-questions.ts';

/**
 * Answers a decisions request.
 *
 * @throws {RequestError} when the request is invalid or does not fit the model, or its deadline passes
 */
async function decide(body: unknown, service: ModelService, context: RequestContext): Promise<Decision> {
  const request = parseDecisionsRequest(body, context.foreignFields);
  if (service.strictModel && request.model === undefined)
    throw new RequestError('missing_required_parameter', "'model' is required.", { param: 'model' });
  assertModel(request.model, service);
  assertGenerates(service);
  const asked = request.questions.map((question, index) => {
    const param = `questions.${index}.instructions`;
    return askQuestion(question, toInstructions(question, param, service.imagePlaceholders ?? false));
  });
  const texts = await renderDecisionPrompt(request, service, context);
  const { engine, model } = service;
  const input = await tokenizeRendered(texts.before, service, 'input');
  assertFits(input.length, engine, 'input');
  const questions = await tokenizeQuestions(asked, texts, service, context.signal);
  const shared = countShared(input, questions);
  const branches = questions.map(
    ({ tokens, writings }): Branch => ({
      tokens: tokens.slice(shared),
      continuations: writings.map((writing) => writing.tokens),
    }),
  );
  const prompt = input.slice(0, shared);
  const scores = await score({ prompt, branches, ...toCacheScope(service, context) }, service, context);
  const usage = toDecisionUsage(shared + countTokens(branches), scores.summary.cachedTokens);
  context.spend?.(usage.total_tokens);
  return {
    answers: request.questions.map((question, index) => {
      const { writings = [], answers = 0 } = questions[index] ?? {};
      const logprobs = scores.logprobs[index] ?? [];
      const scored = writings.map((writing, each) => ({ ...writing, logprob: logprobs[each] ?? Number.NaN }));
      return toDecisionAnswer(question, toProbabilities(scored, answers));
    }),
    model,
    usage,
  };
}

function countTokens(branches: readonly Branch[]): number {
  return branches.reduce((sum, { tokens }) => sum + tokens.length, 0);
}

async function score(
  request: BranchRequest,
  { engine }: ModelService,
  { signal, endBy, metrics }: RequestContext,
): Promise<BranchScores> {
  const timeUp = toTimeUp(endBy);
  try {
    const scores = await engine.scoreBranches(
      request,
      timeUp === undefined ? signal : AbortSignal.any([signal, timeUp]),
    );
    const promptTokens = scores.summary.promptTokens + countTokens(request.branches);
    metrics?.generated({ ...scores.summary, promptTokens });
    return scores;
  } catch (error) {
    if (timeUp?.aborted && error === timeUp.reason) {
      throw new RequestError(
        'deadline_exceeded',
        'The deadline passed before all questions were evaluated. Send fewer questions, or raise the timeout of the function.',
      );
    }
    throw translateEngineError(error);
  }
}

export const decisions = { schema: decisionsRequestSchema, answer: decide };
