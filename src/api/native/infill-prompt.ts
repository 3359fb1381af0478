// The prompt of POST /infill: parts of other files, then the text around the gap, cut to what fits the context.
import type { Engine, Token } from '../../engine/engine.ts';
import { RequestError } from '../../errors/request-error.ts';
import type { Gap } from './native-request.ts';

/** What llama-server writes before each part of another file. */
const snippetStart = '\n\n--- snippet ---\n\n';

/** The tokens that are left for the answer, if the request sets no limit. */
const usualAnswer = 128;

/** The marks around prefix and suffix, and the token that starts a text. */
const markTokens = 4;

/** Fewer tokens of other files say nothing. */
const leastExtra = 16;

/** Longer texts are cut before they are tokenized. Tokens rarely have more characters. */
const charactersPerToken = 16;

/**
 * Composes the prompt. Editors send more than the context holds, and expect that the nearest text is kept.
 *
 * @param answer the most tokens of the answer, -1 for any number
 * @throws {RequestError} `unsupported_parameter` when the model cannot fill in
 */
export async function toInfillPrompt(gap: Gap, answer: number, engine: Engine): Promise<Token[]> {
  const { contextSize } = engine;
  const reserved = Math.min(answer < 0 ? usualAnswer : Math.max(1, answer), Math.floor(contextSize / 2));
  const room = Math.max(0, contextSize - reserved - markTokens);
  const most = contextSize * charactersPerToken;
  const toTokens = (text: string) => engine.tokenizeAside(text, { special: false });
  const start = (await toTokens(gap.prompt.slice(0, most))).slice(0, Math.floor(room / 4));
  const suffix = await toTokens(gap.input_suffix.slice(0, most));
  const after = suffix.slice(0, Math.floor((room - start.length) / 4));
  const prefix = await toTokens(gap.input_prefix.slice(-most));
  const before = keepLast(prefix, room - start.length - after.length);
  const marked = engine.toInfillPrompt(engine.detokenize(before), engine.detokenize(after));
  if (marked === undefined) {
    throw new RequestError('unsupported_parameter', 'This model cannot fill in. Use POST /completion.', {
      param: 'input_prefix',
    });
  }
  const left = contextSize - reserved - marked.length - start.length;
  const snippets = gap.input_extra.map(({ text }) => snippetStart + text).join('');
  const extra =
    left >= leastExtra ? keepLast(await toTokens(snippets.slice(-left * charactersPerToken)), left) : [];
  // A token that starts a text stays the first one.
  const isMarked = engine.properties.addsBosToken ? 1 : 0;
  return [...marked.slice(0, isMarked), ...extra, ...marked.slice(isMarked), ...start];
}

function keepLast(tokens: readonly Token[], count: number): readonly Token[] {
  return tokens.slice(Math.max(0, tokens.length - Math.max(0, count)));
}
