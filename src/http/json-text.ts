// Writes the JSON of an answer, which may be long: thousands of embeddings or log-probabilities take a quarter of a second.
import { setImmediate as nextTurn } from 'node:timers/promises';

/** A value with fewer values in it is written at once, in some milliseconds. */
const mostValuesAtOnce = 16_384;

/** So many characters are written before others are answered. */
const charactersInTurn = 262_144;

/** Writes an answer as `JSON.stringify` does. Others are answered in between. */
export async function toJsonText(answer: object): Promise<string> {
  let text = '';
  let writtenInTurn = 0;
  for (const piece of toPieces(answer)) {
    text += piece;
    writtenInTurn += piece.length;
    if (writtenInTurn < charactersInTurn) continue;
    writtenInTurn = 0;
    await nextTurn();
  }
  return text;
}

function* toPieces(value: unknown): Generator<string, void, void> {
  if (!isLong(value)) {
    yield JSON.stringify(value) ?? 'null';
    return;
  }
  const isList = Array.isArray(value);
  let separator = isList ? '[' : '{';
  for (const [key, inner] of Object.entries(value)) {
    if (inner === undefined && !isList) continue;
    yield isList ? separator : `${separator}${JSON.stringify(key)}:`;
    yield* toPieces(inner);
    separator = ',';
  }
  yield isList ? ']' : '}';
}

function isLong(value: unknown): value is object {
  return countUpTo(mostValuesAtOnce, value) >= mostValuesAtOnce;
}

/** Counts the values in a value, itself included, and stops at the limit. */
function countUpTo(limit: number, value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  let count = 1;
  for (const inner of Array.isArray(value) ? value : Object.values(value)) {
    if (count >= limit) break;
    count += countUpTo(limit - count, inner);
  }
  return count;
}
