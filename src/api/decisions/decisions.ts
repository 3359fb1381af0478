// POST /v1/decisions: answers questions about an input by the probabilities of their answers. Nothing is generated.
import { toTimeUp } from '../../engine/deadline.ts';
import type { Branch, BranchRequest, BranchScores, Token } from '../../engine/engine.ts';
import { RequestError } from '../../errors/request-error.ts';
import { translateEngineError } from '../../generation/choices.ts';
import type { RequestContext } from '../../generation/context.ts';
import { assertFits, assertGenerates, assertModel, tokenizePrompt } from '../generation-request.ts';
import type { ModelService } from '../service.ts';
import { type ScoredWriting, toProbabilities } from './answer-probabilities.ts';
import { type Decision, toDecisionAnswer, toDecisionUsage } from './decision.ts';
import { toInstructions } from './decision-input.ts';
import { type DecisionPrompt, renderDecisionPrompt } from './decision-prompt.ts';
import { decisionsRequestSchema, parseDecisionsRequest } from './decisions-request.ts';
import { type AskedQuestion, askQuestion, toWritings, type Writings } from './question-text.ts';

/** A way to write one of a question's answers. */
type Writing = Omit<ScoredWriting, 'logprob'>;

/** A question whose branch is what its prompt has behind the beginning that all share. */
interface TokenizedQuestion {
  readonly tokens: readonly Token[];
  readonly answers: number;
  readonly writings: readonly Writing[];
}

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
  const prompt = await renderDecisionPrompt(request, service, context);
  const questions = asked.map((each) => tokenizeQuestion(each, prompt, service));
  const { engine, model } = service;
  const before = tokenizePrompt(prompt.before, service, 'input');
  assertFits(before.length, engine.contextSize, 'input');
  const shared = countShared([before, ...questions.map(({ tokens }) => tokens.slice(0, -1))]);
  assertQuestionsFit(questions, engine.contextSize);
  const branches = questions.map(
    ({ tokens, writings }): Branch => ({
      tokens: tokens.slice(shared),
      continuations: writings.map((writing) => writing.tokens),
    }),
  );
  const scores = await score({ prompt: before.slice(0, shared), branches }, service, context);
  return {
    answers: request.questions.map((question, index) => {
      const { writings = [], answers = 0 } = questions[index] ?? {};
      const logprobs = scores.logprobs[index] ?? [];
      const scored = writings.map((writing, each) => ({ ...writing, logprob: logprobs[each] ?? Number.NaN }));
      return toDecisionAnswer(question, toProbabilities(scored, answers));
    }),
    model,
    usage: toDecisionUsage(shared + countTokens(branches), scores.summary.cachedTokens),
  };
}

function tokenizeQuestion(
  { text, answers }: AskedQuestion,
  { before, after }: DecisionPrompt,
  service: ModelService,
): TokenizedQuestion {
  return {
    tokens: tokenizePrompt(`${before}${text}${after}`, service, 'input'),
    answers: answers.length,
    writings: toWritings(answers).flatMap((writings, answer) =>
      tokenizeWritings(writings, service).map((tokens) => ({ answer, tokens })),
    ),
  };
}

/** The tokens of writings at the start of a line, each once. */
function tokenizeWritings({ usual, rare }: Writings, service: ModelService): Token[][] {
  const common = usual.map((writing) => tokenizeLine(writing, service));
  const single = rare.map((writing) => tokenizeLine(writing, service)).filter(({ length }) => length === 1);
  return [...new Map([...common, ...single].map((tokens) => [tokens.join(), tokens])).values()];
}

/** The tokens of a text behind the end of a line: some vocabularies put a space before a text that follows nothing. */
function tokenizeLine(text: string, { engine }: ModelService): Token[] {
  const lineEnd = engine.tokenizeText('\n', { special: false });
  const tokens = engine.tokenizeText(`\n${text}`, { special: false });
  return lineEnd.every((token, index) => token === tokens[index])
    ? tokens.slice(lineEnd.length)
    : engine.tokenizeText(text, { special: false });
}

/** How many tokens all begin with alike. */
function countShared([first = [], ...others]: readonly (readonly Token[])[]): number {
  const differs = first.findIndex((token, index) => others.some((other) => other[index] !== token));
  return differs < 0 ? first.length : differs;
}

/** @throws {RequestError} `context_length_exceeded` when the input, a question and its answer have too many tokens */
function assertQuestionsFit(questions: readonly TokenizedQuestion[], contextSize: number): void {
  for (const [index, { tokens, writings }] of questions.entries()) {
    const needed = tokens.length + Math.max(...writings.map((writing) => writing.tokens.length));
    if (needed <= contextSize) continue;
    const param = `questions.${index}`;
    throw new RequestError(
      'context_length_exceeded',
      `'${param}' needs ${needed} tokens of context with the input before it. The context has ${contextSize}. Shorten one of them.`,
      { param },
    );
  }
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
