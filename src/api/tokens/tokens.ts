// Answers POST /tokenize and /detokenize.
import { isUtf8 } from 'node:buffer';
import { RequestError } from '../../errors/request-error.ts';
import type { RequestContext } from '../../generation/context.ts';
import { assertToken } from '../assert-token.ts';
import { assertMayFit, assertModel } from '../generation-request.ts';
import { toTokenText } from '../logprobs.ts';
import type { ModelService } from '../service.ts';
import {
  type DetokenizeAnswer,
  parseDetokenizeRequest,
  parseTokenizeRequest,
  type TokenizeAnswer,
} from './tokens-request.ts';

/** Each is converted on the thread that answers. */
const mostPieces = 32_768;

/**
 * Converts a text to tokens.
 *
 * @throws {RequestError} when the request is invalid, or the text has too many characters to fit the context
 */
export async function tokenize(
  body: unknown,
  service: ModelService,
  { foreignFields }: Pick<RequestContext, 'foreignFields'> = {},
): Promise<TokenizeAnswer> {
  const request = parseTokenizeRequest(body, foreignFields);
  const { engine } = service;
  assertModel(request.model, service);
  const { prompt, content, parse_special: special } = request;
  const text = prompt ?? content;
  if (prompt !== undefined && content !== undefined) {
    throw new RequestError(
      'invalid_value',
      "'prompt' and 'content' cannot be used together. Send the text as one of them.",
      {
        param: 'content',
      },
    );
  }
  if (text === undefined) {
    throw new RequestError(
      'missing_required_parameter',
      "The text is missing. Send it as 'prompt' or 'content'.",
      {
        param: 'prompt',
      },
    );
  }
  assertMayFit(text, engine.contextSize, prompt === undefined ? 'content' : 'prompt');
  const addsSpecial = request.add_special_tokens ?? request.add_special ?? prompt !== undefined;
  const { addsBosToken, bosToken } = engine.properties;
  const bos =
    addsSpecial && addsBosToken && bosToken !== undefined
      ? engine.tokenizeText(bosToken, { special: true })
      : [];
  const tokens = [...bos, ...(text === '' ? [] : await engine.tokenizeAside(text, { special }))];
  const isPieced = request.with_pieces || request.return_token_strs;
  if (isPieced && tokens.length > mostPieces) {
    throw new RequestError(
      'invalid_value',
      `The text has ${tokens.length} tokens, and the pieces of at most ${mostPieces} can be returned. Send the text in parts.`,
      { param: prompt === undefined ? 'content' : 'prompt' },
    );
  }
  const toPiece = (id: number) => {
    const bytes = engine.toBytes(id);
    return { id, piece: isUtf8(bytes) ? Buffer.from(bytes).toString() : [...bytes] };
  };
  return {
    tokens: request.with_pieces ? tokens.map(toPiece) : tokens,
    count: tokens.length,
    max_model_len: engine.contextSize,
    ...(request.return_token_strs && {
      token_strs: tokens.map((token) => toTokenText(engine.toBytes(token))),
    }),
  };
}

/**
 * Converts tokens to text.
 *
 * @throws {RequestError} when the request is invalid, or a token is not in the vocabulary
 */
export function detokenize(
  body: unknown,
  service: ModelService,
  { foreignFields }: Pick<RequestContext, 'foreignFields'> = {},
): DetokenizeAnswer {
  const { tokens, model } = parseDetokenizeRequest(body, foreignFields);
  assertModel(model, service);
  for (const token of tokens) assertToken(token, service.engine.properties.vocabularySize, 'tokens');
  const text = service.engine.detokenize(tokens);
  return { prompt: text, content: text };
}
