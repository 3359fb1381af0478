// Where the answers in a chat's prompt end: there an earlier generation ended, and its state may have been kept.
import type { Token } from '../token.ts';

/**
 * The positions of the tokens that end the answers in a prompt, the latest first.
 *
 * A template ends an answer by a token that ends a text, and often each other message as well. What follows the last such
 * token in the prompt opens the next answer, so an answer is what was opened like that. Where none was, as in templates that
 * end nothing but answers, each end counts.
 */
export function findTurnEnds(prompt: readonly Token[], isEnd: (token: Token) => boolean): number[] {
  const ends = prompt.flatMap((token, position) => (isEnd(token) ? [position] : []));
  const opening = prompt.slice((ends.at(-1) ?? -1) + 1);
  const answers = ends.filter((_, index) => {
    const start = (ends[index - 1] ?? -1) + 1;
    return index > 0 && opening.every((token, offset) => prompt[start + offset] === token);
  });
  return (answers.length > 0 ? answers : ends).toReversed();
}
