// The questions of a request as tokens: each with the input before it, and with the writings of its answers.

import { ControlMarks } from '../../chat/control-marks.ts';
import type { Engine, Token } from '../../engine/engine.ts';
import { RequestError } from '../../errors/request-error.ts';
import type { ModelService } from '../service.ts';
import type { ScoredWriting } from './answer-probabilities.ts';
import type { DecisionPrompt } from './decision-prompt.ts';
import { PromptTokenizer } from './prompt-tokenizer.ts';
import { type AskedQuestion, toWritings, type Writings } from './question-text.ts';

export interface TokenizedQuestion {
  /** The whole prompt. */
  readonly tokens: readonly Token[];
  /** The number of answers. */
  readonly answers: number;
  readonly writings: readonly Omit<ScoredWriting, 'logprob'>[];
}

/**
 * Tokenizes questions.
 *
 * @throws {RequestError} `context_length_exceeded` when a question and its answer do not fit the context with the input
 * @throws the signal's reason when aborted, after a question
 */
export async function tokenizeQuestions(
  questions: readonly AskedQuestion[],
  { before, after }: DecisionPrompt,
  service: ModelService,
  signal: AbortSignal,
): Promise<TokenizedQuestion[]> {
  const { contextSize } = service.engine;
  const tokenizeAnswers = toAnswerTokenizer(service.engine);
  const prompts = new PromptTokenizer(before, service);
  const tokenized: TokenizedQuestion[] = [];
  for (const [index, { text, answers }] of questions.entries()) {
    signal.throwIfAborted();
    const param = `questions.${index}`;
    const question = new ControlMarks(service.engine, param).breakText(text);
    const tokens = await prompts.tokenize(`${question}${after}`, param);
    // Before the answers, which are a part of the question.
    assertFits(tokens.length, contextSize, param);
    const writings = tokenizeAnswers(answers);
    assertFits(tokens.length + Math.max(...writings.map((each) => each.tokens.length)), contextSize, param);
    tokenized.push({ tokens, answers: answers.length, writings });
  }
  return tokenized;
}

function assertFits(needed: number, contextSize: number, param: string): void {
  if (needed <= contextSize) return;
  throw new RequestError(
    'context_length_exceeded',
    `'${param}' needs ${needed} tokens of context with the input before it. The context has ${contextSize}, the server's ` +
      'CONTEXT_SIZE. Shorten one of them.',
    { param },
  );
}

type TokenizedWritings = TokenizedQuestion['writings'];

/** Returns what gives the tokens of all writings of answers. Many questions have the same ones. */
function toAnswerTokenizer(engine: Engine): (answers: readonly string[]) => TokenizedWritings {
  const tokenize = toWritingTokenizer(engine);
  const known = new Map<string, TokenizedWritings>();
  return (answers) => {
    const key = JSON.stringify(answers);
    const writings =
      known.get(key) ??
      toWritings(answers).flatMap((ways, answer) => tokenize(ways).map((tokens) => ({ answer, tokens })));
    known.set(key, writings);
    return writings;
  };
}

/** Returns what gives the tokens of an answer's writings at the start of a line, each once. */
function toWritingTokenizer(engine: Engine): (writings: Writings) => Token[][] {
  const asText = (text: string) => engine.tokenizeText(text, { special: false });
  const lineEnd = asText('\n');
  // Some vocabularies put a space before a text that follows nothing.
  const asLine = (text: string) => {
    const tokens = asText(`\n${text}`);
    const isBehind = lineEnd.every((token, index) => token === tokens[index]);
    return isBehind ? tokens.slice(lineEnd.length) : asText(text);
  };
  return ({ usual, rare }) => {
    const single = rare.map(asLine).filter(({ length }) => length === 1);
    return [...new Map([...usual.map(asLine), ...single].map((tokens) => [tokens.join(), tokens])).values()];
  };
}

/** How many tokens the input and all questions begin with alike, and the questions go on after. */
export function countShared(input: readonly Token[], questions: readonly TokenizedQuestion[]): number {
  const differs = input.findIndex((token, index) =>
    questions.some(({ tokens }) => index === tokens.length - 1 || tokens[index] !== token),
  );
  return differs < 0 ? input.length : differs;
}
