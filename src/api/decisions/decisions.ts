// POST /v1/decisions: answers questions about an input by the probabilities of their answers. Nothing is generated.
import type { Branch } from '../../engine/engine.ts';
import type { RequestContext } from '../../generation/context.ts';
import { untilDeadline } from '../../generation/until-deadline.ts';
import { tokenizeRendered } from '../chat/chat-prompt.ts';
import { assertFits, assertGenerates, assertNamedModel, toCacheScope } from '../generation-request.ts';
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
  assertNamedModel(request.model, service);
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
  const branchTokens = branches.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const tokens = shared + branchTokens;
  const work = { prompt, branches, ...toCacheScope(service, context) };
  const scores = await untilDeadline((signal) => engine.scoreBranches(work, signal), context, {
    parts: 'questions',
    tokens,
  });
  const { summary } = scores;
  context.metrics?.generated({ ...summary, promptTokens: summary.promptTokens + branchTokens });
  return {
    answers: request.questions.map((question, index) => {
      const { writings = [], answers = 0 } = questions[index] ?? {};
      const logprobs = scores.logprobs[index] ?? [];
      const scored = writings.map((writing, each) => ({ ...writing, logprob: logprobs[each] ?? Number.NaN }));
      return toDecisionAnswer(question, toProbabilities(scored, answers));
    }),
    model,
    usage: toDecisionUsage(tokens, summary.cachedTokens),
  };
}

export const decisions = { schema: decisionsRequestSchema, answer: decide };
