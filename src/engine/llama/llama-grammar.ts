// Grammars for the native sampler, and its errors.
import { type Grammar, GrammarError, GrammarPrefixError } from '../engine.ts';
import { grammarErrorCode, grammarPrefixErrorCode, type NativeGrammar } from './llama-addon.ts';
import type { LlamaModel } from './llama-model.ts';

/**
 * Parses a grammar.
 *
 * @throws {GrammarError} when it is malformed, or exceeds a limit of size or of ambiguity
 */
export async function parseGrammar(
  { inference, tokenPieces }: LlamaModel,
  { gbnf }: Grammar,
): Promise<NativeGrammar> {
  const grammar = new inference.Grammar(tokenPieces, gbnf);
  try {
    await grammar.parse();
  } catch (error) {
    throw toEngineError(error);
  }
  return grammar;
}

const refusals: ReadonlyMap<unknown, typeof GrammarError> = new Map([
  [grammarErrorCode, GrammarError],
  [grammarPrefixErrorCode, GrammarPrefixError],
]);

/** Converts an error of the native sampler. Returns one that has nothing to do with the grammar unchanged. */
export function toEngineError(error: unknown): unknown {
  if (!(error instanceof Error && 'code' in error)) return error;
  const Refusal = refusals.get(error.code);
  return Refusal ? new Refusal(`The grammar cannot be used. ${error.message}`, { cause: error }) : error;
}
