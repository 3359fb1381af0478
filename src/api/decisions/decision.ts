// The answer of POST /v1/decisions, in OpenAI's format.
import type { Question } from './decisions-request.ts';

type DecisionAnswer = { readonly name: string | null } & (
  | { readonly type: 'predicate'; readonly probability: number }
  | {
      readonly type: 'choice';
      readonly choice: string | boolean;
      /** The probability of the choice. */
      readonly confidence: number;
      readonly probabilities: readonly { readonly value: string | boolean; readonly probability: number }[];
    }
  | {
      readonly type: 'score';
      /** The mean of the levels' values by their probabilities. */
      readonly score: number;
      /** The probability of the likeliest level. */
      readonly confidence: number;
      /** The value of a level is its index. */
      readonly probabilities: readonly {
        readonly label: string;
        readonly value: number;
        readonly probability: number;
      }[];
    }
);

export interface Decision {
  readonly answers: readonly DecisionAnswer[];
  readonly model: string;
  readonly usage: DecisionUsage;
}

interface DecisionUsage {
  /** The input once, and all questions. */
  readonly input_tokens: number;
  readonly input_tokens_details: { readonly cached_tokens: number; readonly cache_write_tokens: number };
  readonly output_tokens: number;
  readonly output_tokens_details: { readonly reasoning_tokens: number };
  readonly total_tokens: number;
}

/** @param probabilities - in the order of the choices or levels; of a predicate those of yes and no */
export function toDecisionAnswer(question: Question, probabilities: readonly number[]): DecisionAnswer {
  const name = question.name ?? null;
  const probabilityOf = (index: number) => probabilities[index] ?? Number.NaN;
  const confidence = Math.max(...probabilities);
  switch (question.type) {
    case 'predicate':
      return { type: 'predicate', name, probability: probabilityOf(0) };
    case 'choice': {
      const { choices } = question;
      return {
        type: 'choice',
        name,
        choice: choices[probabilities.indexOf(confidence)]?.value ?? '',
        confidence,
        probabilities: choices.map(({ value }, index) => ({ value, probability: probabilityOf(index) })),
      };
    }
    case 'score':
      return {
        type: 'score',
        name,
        score: probabilities.reduce((sum, probability, value) => sum + probability * value, 0),
        confidence,
        probabilities: question.levels.map(({ label }, value) => ({
          label,
          value,
          probability: probabilityOf(value),
        })),
      };
    default:
      return question satisfies never;
  }
}

export function toDecisionUsage(inputTokens: number, cachedTokens: number): DecisionUsage {
  return {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: cachedTokens, cache_write_tokens: 0 },
    output_tokens: 0,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: inputTokens,
  };
}
