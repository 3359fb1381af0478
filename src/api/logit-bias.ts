// The biases of tokens: an object or a list of pairs, by the tokens' numbers or by texts.
import * as z from 'zod/mini';
import type { Engine, Token } from '../engine/engine.ts';
import { RequestError } from '../errors/request-error.ts';
import { assertToken } from './assert-token.ts';

/** In OpenAI's API a bias of -100 forbids a token. In llama.cpp it would only make the token unlikely. */
const forbiddingBias = -100;

/** To turn more characters into tokens would hold the process up for more than a tenth of a second. */
const mostCharacters = 65_536;

const bias = z.union([z.number(), z.boolean()]);

const tokenOrText = z.union([z.int().check(z.gte(0), z.lte(0xffff_ffff)), z.string()]);

export const logitBiasField = z
  ._default(z.union([z.record(z.string(), bias), z.array(z.tuple([tokenOrText, bias]))]), {})
  .check(
    z.describe(
      'Added to the logits of tokens: an object whose keys are token numbers or texts, or a list of pairs. A text means each of its tokens. -100 or false forbids a token, 100 forces it.',
    ),
  );

/**
 * Sums up the biases of each token.
 *
 * @throws {RequestError} `invalid_value` when a number is no token of the model, a bias is `true`, or the texts are too long
 */
export function toLogitBias(
  field: z.output<typeof logitBiasField>,
  engine: Pick<Engine, 'properties' | 'tokenizeText'>,
): ReadonlyMap<Token, number> {
  const biases = new Map<Token, number>();
  let characters = 0;
  for (const [key, value] of Array.isArray(field) ? field : Object.entries(field)) {
    const tokens = toTokens(key, engine);
    characters += typeof tokens === 'string' ? tokens.length : 0;
    if (characters > mostCharacters) throw toTooLong(characters);
    const each = typeof tokens === 'string' ? engine.tokenizeText(tokens, { special: false }) : [tokens];
    for (const token of each) biases.set(token, (biases.get(token) ?? 0) + toBias(value));
  }
  return biases;
}

/** A token, or a text whose tokens are meant. */
function toTokens(key: string | Token, { properties }: Pick<Engine, 'properties'>): string | Token {
  // What a client writes as a number is one, also when it is no token.
  if (typeof key === 'string' && !/^-?\d{1,15}$/.test(key)) return key;
  const token = Number(key);
  assertToken(token, properties.vocabularySize, `logit_bias.${key}`);
  return token;
}

function toBias(value: number | boolean): number {
  if (value === true)
    throw new RequestError(
      'invalid_value',
      "A bias of 'logit_bias' must be a number, or false to forbid the token, not true.",
      { param: 'logit_bias' },
    );
  return value === false || value <= forbiddingBias ? Number.NEGATIVE_INFINITY : value;
}

function toTooLong(characters: number): RequestError {
  return new RequestError(
    'invalid_value',
    `The texts of 'logit_bias' have at least ${characters} characters. At most ${mostCharacters} are possible.`,
    { param: 'logit_bias' },
  );
}
