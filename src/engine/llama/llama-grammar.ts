// Parses grammars, within limits that keep llama.cpp's parser from overflowing the native stack.
import { type Grammar, GrammarError } from '../engine.ts';
import type { NativeGrammar } from './llama-addon.ts';
import type { LlamaModel } from './llama-model.ts';

/** The parser recurses; no grammar needs more characters or depth than this. */
const longestGrammar = 256 * 1024;
const deepestGrammar = 500;

/** @throws {GrammarError} when the grammar is too large, or llama.cpp cannot parse it */
export function parseGrammar({ inference, native }: LlamaModel, { gbnf }: Grammar): NativeGrammar {
  const depth = Math.max(gbnf.split('(').length, gbnf.split('{').length);
  if (gbnf.length > longestGrammar || depth > deepestGrammar) {
    throw new GrammarError(
      `The grammar has ${gbnf.length} characters and ${depth} groups or repetitions; at most ${longestGrammar} and ` +
        `${deepestGrammar} are taken.`,
    );
  }
  try {
    return new inference.Grammar(native, gbnf);
  } catch (cause) {
    throw new GrammarError('llama.cpp cannot parse the grammar; see its format, GBNF.', { cause });
  }
}
