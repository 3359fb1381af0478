// Regular expressions as trees, and operations on the lengths of the texts that they match.
import type { CharacterRanges } from './character-ranges.ts';

export type Pattern =
  /** Matches one character of a set. */
  | { readonly kind: 'characters'; readonly ranges: CharacterRanges }
  /** Matches any character. Unanchored ends of a pattern consist of it. */
  | { readonly kind: 'any' }
  | { readonly kind: 'sequence'; readonly items: readonly Pattern[] }
  | { readonly kind: 'choice'; readonly options: readonly Pattern[] }
  /** Matches the item `min` to `max` times. The item must not match the empty text. */
  | { readonly kind: 'repeat'; readonly item: Pattern; readonly min: number; readonly max: number };

export const anyCharacter: Pattern = { kind: 'any' };

export function patternSequence(items: readonly Pattern[]): Pattern {
  return items.length === 1 && items[0] !== undefined ? items[0] : { kind: 'sequence', items };
}

export function patternChoice(options: readonly Pattern[]): Pattern {
  return options.length === 1 && options[0] !== undefined ? options[0] : { kind: 'choice', options };
}

/** A pattern that no grammar can express. Its message continues a sentence after the pattern. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}

/** The most positions of a pattern. llama.cpp may follow all of them at once. */
export const mostPositions = 2000;

/**
 * Repeats an item. If the item may match the empty text, `min` does not matter and becomes 0.
 *
 * @throws {PatternError} when nested optional items, each written without the empty text, become too many
 */
export function patternRepeat(item: Pattern, min: number, max: number): Pattern {
  if (max === 0) return { kind: 'sequence', items: [] };
  if (shortest(item) > 0) return min === 1 && max === 1 ? item : { kind: 'repeat', item, min, max };
  const filled = withoutEmpty(item);
  if (filled !== undefined && countPositions(filled) > mostPositions && countPositions(item) <= mostPositions)
    throw new PatternError('repeats too much');
  return filled === undefined ? patternSequence([]) : { kind: 'repeat', item: filled, min: 0, max };
}

/** Excludes the empty text. Returns `undefined` if the pattern matches nothing else. */
function withoutEmpty(pattern: Pattern): Pattern | undefined {
  if (shortest(pattern) > 0) return pattern;
  switch (pattern.kind) {
    case 'repeat':
      return { ...pattern, min: 1 };
    case 'choice':
      return choiceOfPossible(pattern.options.map(withoutEmpty));
    case 'sequence':
      // There is an option for each item that may be the first non-empty one.
      return choiceOfPossible(
        pattern.items.map((item, index) => {
          const first = withoutEmpty(item);
          return first && patternSequence([first, ...pattern.items.slice(index + 1)]);
        }),
      );
    default:
      return pattern;
  }
}

function choiceOfPossible(options: readonly (Pattern | undefined)[]): Pattern | undefined {
  const possible = options.filter((option) => option !== undefined);
  return possible.length === 0 ? undefined : patternChoice(possible);
}

/** The number of characters of the shortest matching text. */
export const shortest = remembered(computeShortest);

function computeShortest(pattern: Pattern): number {
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

/** The number of characters of the longest matching text. */
export const longest = remembered(computeLongest);

function computeLongest(pattern: Pattern): number {
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

/** Counts the positions of a pattern, with repetitions written out. A match may be at all of them at once. */
export const countPositions = remembered(computePositions);

function computePositions(pattern: Pattern): number {
  switch (pattern.kind) {
    case 'sequence':
      return pattern.items.reduce((sum, item) => sum + countPositions(item), 0);
    case 'choice':
      return pattern.options.reduce((sum, option) => sum + countPositions(option), 0);
    case 'repeat': {
      const times = pattern.max === Number.POSITIVE_INFINITY ? pattern.min + 1 : pattern.max;
      return times * countPositions(pattern.item);
    }
    default:
      return 1;
  }
}

/**
 * Restricts a pattern to texts of at most `most` characters. May exclude some of them, because each item of a
 * sequence has a fixed share of the characters.
 *
 * @returns undefined when every matching text is longer
 */
export function shorten(pattern: Pattern, most: number): Pattern | undefined {
  if (longest(pattern) <= most) return pattern;
  if (shortest(pattern) > most) return undefined;
  switch (pattern.kind) {
    case 'choice':
      return choiceOfPossible(pattern.options.map((option) => shorten(option, most)));
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
 * Restricts a pattern to texts of at least `least` characters. May exclude some of them.
 *
 * @returns undefined when every matching text is shorter
 */
export function lengthen(pattern: Pattern, least: number): Pattern | undefined {
  if (shortest(pattern) >= least) return pattern;
  if (longest(pattern) < least) return undefined;
  switch (pattern.kind) {
    case 'choice':
      return choiceOfPossible(pattern.options.map((option) => lengthen(option, least)));
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

/** Computes a number once for each pattern. Patterns share their parts. */
function remembered(compute: (pattern: Pattern) => number): (pattern: Pattern) => number {
  const known = new WeakMap<Pattern, number>();
  return (pattern) => {
    const number = known.get(pattern) ?? compute(pattern);
    known.set(pattern, number);
    return number;
  };
}
