// Regular expressions as trees, and what can be said of the length of the texts that they match.
import type { CharacterRanges } from './character-ranges.ts';

export type Pattern =
  /** One character of a set. */
  | { readonly kind: 'characters'; readonly ranges: CharacterRanges }
  /** One character of any kind, where a pattern is not anchored. */
  | { readonly kind: 'any' }
  | { readonly kind: 'sequence'; readonly items: readonly Pattern[] }
  | { readonly kind: 'choice'; readonly options: readonly Pattern[] }
  /** The item does not match the empty text. */
  | { readonly kind: 'repeat'; readonly item: Pattern; readonly min: number; readonly max: number };

export const anyCharacter: Pattern = { kind: 'any' };

export function patternSequence(items: readonly Pattern[]): Pattern {
  return items.length === 1 && items[0] !== undefined ? items[0] : { kind: 'sequence', items };
}

export function patternChoice(options: readonly Pattern[]): Pattern {
  return options.length === 1 && options[0] !== undefined ? options[0] : { kind: 'choice', options };
}

/** Repeats an item that may match the empty text: as often as one likes it then counts for nothing. */
export function patternRepeat(item: Pattern, min: number, max: number): Pattern {
  if (max === 0) return { kind: 'sequence', items: [] };
  if (shortest(item) > 0) return min === 1 && max === 1 ? item : { kind: 'repeat', item, min, max };
  const filled = withoutEmpty(item);
  return filled === undefined ? patternSequence([]) : { kind: 'repeat', item: filled, min: 0, max };
}

/** The same texts less the empty one; undefined when it matches nothing else. */
function withoutEmpty(pattern: Pattern): Pattern | undefined {
  if (shortest(pattern) > 0) return pattern;
  switch (pattern.kind) {
    case 'repeat':
      return { ...pattern, min: 1 };
    case 'choice':
      return choiceOfThose(pattern.options.map(withoutEmpty));
    case 'sequence':
      // One of its items is the first that is not empty.
      return choiceOfThose(
        pattern.items.map((item, index) => {
          const first = withoutEmpty(item);
          return first && patternSequence([first, ...pattern.items.slice(index + 1)]);
        }),
      );
    default:
      return pattern;
  }
}

function choiceOfThose(options: readonly (Pattern | undefined)[]): Pattern | undefined {
  const possible = options.filter((option) => option !== undefined);
  return possible.length === 0 ? undefined : patternChoice(possible);
}

/** Characters of the shortest text it matches. */
export function shortest(pattern: Pattern): number {
  switch (pattern.kind) {
    case 'sequence':
      return pattern.items.reduce((sum, item) => sum + shortest(item), 0);
    case 'choice':
      return Math.min(...pattern.options.map(shortest));
    case 'repeat':
      return pattern.min * shortest(pattern.item);
    default:
      return 1;
  }
}

/** Characters of the longest text it matches. */
export function longest(pattern: Pattern): number {
  switch (pattern.kind) {
    case 'sequence':
      return pattern.items.reduce((sum, item) => sum + longest(item), 0);
    case 'choice':
      return Math.max(...pattern.options.map(longest));
    case 'repeat':
      return pattern.max * longest(pattern.item);
    default:
      return 1;
  }
}

/** Places in the pattern with its repetitions written out: a text may be read up to so many at once. */
export function countPlaces(pattern: Pattern): number {
  switch (pattern.kind) {
    case 'sequence':
      return pattern.items.reduce((sum, item) => sum + countPlaces(item), 0);
    case 'choice':
      return pattern.options.reduce((sum, option) => sum + countPlaces(option), 0);
    case 'repeat': {
      const times = pattern.max === Number.POSITIVE_INFINITY ? pattern.min + 1 : pattern.max;
      return times * countPlaces(pattern.item);
    }
    default:
      return 1;
  }
}

/**
 * A pattern for texts of at most `most` characters, which matches nothing that the given one does not, and not always
 * all of it: items of a sequence share what is left.
 *
 * @returns undefined when no text is as short
 */
export function shorten(pattern: Pattern, most: number): Pattern | undefined {
  if (longest(pattern) <= most) return pattern;
  if (shortest(pattern) > most) return undefined;
  switch (pattern.kind) {
    case 'choice':
      return choiceOfThose(pattern.options.map((option) => shorten(option, most)));
    case 'sequence': {
      let spare = most - shortest(pattern);
      let elastic = pattern.items.filter((item) => longest(item) > shortest(item)).length;
      const items: Pattern[] = [];
      for (const item of pattern.items) {
        const least = shortest(item);
        const fitting = longest(item) > least ? shorten(item, least + Math.floor(spare / elastic--)) : item;
        if (fitting === undefined) return undefined;
        spare -= longest(fitting) - least;
        items.push(fitting);
      }
      return patternSequence(items);
    }
    case 'repeat': {
      const { item, min } = pattern;
      const least = shortest(item);
      if (most < least) return patternSequence([]);
      const times = least === longest(item) ? most / least : Math.sqrt(most / least);
      const max = Math.min(pattern.max, Math.max(min, Math.floor(times)));
      const fitting = shorten(item, Math.floor(most / max));
      return fitting && { kind: 'repeat', item: fitting, min, max };
    }
    default:
      return undefined;
  }
}

/**
 * A pattern for texts of at least `least` characters, which matches nothing that the given one does not, and not
 * always all of it.
 *
 * @returns undefined when no text is as long
 */
export function lengthen(pattern: Pattern, least: number): Pattern | undefined {
  if (shortest(pattern) >= least) return pattern;
  if (longest(pattern) < least) return undefined;
  switch (pattern.kind) {
    case 'choice':
      return choiceOfThose(pattern.options.map((option) => lengthen(option, least)));
    case 'sequence': {
      let missing = least - shortest(pattern);
      const items: Pattern[] = [];
      for (const item of pattern.items) {
        const before = shortest(item);
        const fitting = lengthen(item, Math.min(longest(item), before + Math.max(0, missing)));
        if (fitting === undefined) return undefined;
        missing -= shortest(fitting) - before;
        items.push(fitting);
      }
      return patternSequence(items);
    }
    case 'repeat': {
      const { item, max } = pattern;
      const min = Math.min(max, Math.ceil(least / shortest(item)));
      const fitting = lengthen(item, Math.ceil(least / min));
      return fitting && { kind: 'repeat', item: fitting, min, max };
    }
    default:
      return undefined;
  }
}
