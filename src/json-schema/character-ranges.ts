// Sets of characters, as sorted ranges of code points that neither touch nor overlap.

/** A range of code points, both ends included. */
export type CharacterRange = readonly [first: number, last: number];

export type CharacterRanges = readonly CharacterRange[];

const lastCodePoint = 0x10ffff;

/** The set of the characters in any of the ranges. */
export function union(...ranges: readonly CharacterRange[]): CharacterRanges {
  const merged: [number, number][] = [];
  for (const [first, last] of ranges.toSorted((one, other) => one[0] - other[0])) {
    const previous = merged.at(-1);
    if (previous !== undefined && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else merged.push([first, last]);
  }
  return merged;
}

/** The set of the characters that are not in `ranges`. */
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

/** The set of the characters that are in both sets. */
export function intersection(one: CharacterRanges, other: CharacterRanges): CharacterRanges {
  return complement(union(...complement(one), ...complement(other)));
}

/** The set of the characters in `one` that are not in `other`. */
export function difference(one: CharacterRanges, other: CharacterRanges): CharacterRanges {
  return intersection(one, complement(other));
}

/** The set of the characters of a text. */
export function charactersOf(text: string): CharacterRanges {
  return union(...Array.from(text, (character) => only(character)));
}

/** The range of one character. */
export function only(character: string): CharacterRange {
  const code = character.codePointAt(0) as number;
  return [code, code];
}
