// Sets of characters, as sorted ranges of code points that neither touch nor overlap.

/** The first and the last code point. */
export type CharacterRange = readonly [first: number, last: number];

export type CharacterRanges = readonly CharacterRange[];

const lastCodePoint = 0x10ffff;

/** The set of every character that one of the ranges holds. */
export function union(...ranges: readonly CharacterRange[]): CharacterRanges {
  const merged: [number, number][] = [];
  for (const [first, last] of ranges.toSorted((one, other) => one[0] - other[0])) {
    const previous = merged.at(-1);
    if (previous !== undefined && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else merged.push([first, last]);
  }
  return merged;
}

/** The set of every character that is not in `ranges`. */
export function complement(ranges: CharacterRanges): CharacterRanges {
  const rest: CharacterRange[] = [];
  let next = 0;
  for (const [first, last] of ranges) {
    if (next < first) rest.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= lastCodePoint) rest.push([next, lastCodePoint]);
  return rest;
}

/** The set of the characters that both have. */
export function intersection(one: CharacterRanges, other: CharacterRanges): CharacterRanges {
  return complement(union(...complement(one), ...complement(other)));
}

/** The set of the characters of `one` that `other` does not have. */
export function difference(one: CharacterRanges, other: CharacterRanges): CharacterRanges {
  return intersection(one, complement(other));
}

/** The set of a text's characters. */
export function charactersOf(text: string): CharacterRanges {
  return union(...Array.from(text, (character) => only(character)));
}

/** The range of one character. */
export function only(character: string): CharacterRange {
  const code = character.codePointAt(0) as number;
  return [code, code];
}
