// The tree of a grammar rule. write-gbnf.ts writes it in llama.cpp's GBNF.
import { type CharacterRanges, charactersOf } from './character-ranges.ts';

export type GrammarNode =
  /** Matches this text. */
  | { readonly kind: 'literal'; readonly text: string }
  /** Matches one character of a non-empty set. */
  | { readonly kind: 'characters'; readonly ranges: CharacterRanges }
  /** Matches the items in order. Without items it matches the empty text. */
  | { readonly kind: 'sequence'; readonly items: readonly GrammarNode[] }
  /** Matches one of the options. Without options it matches no text. */
  | { readonly kind: 'choice'; readonly options: readonly GrammarNode[] }
  /** Matches the item `min` to `max` times. `max` may be infinite. The item must not match the empty text. */
  | { readonly kind: 'repeat'; readonly item: GrammarNode; readonly min: number; readonly max: number }
  /** Matches what the rule matches. */
  | { readonly kind: 'reference'; readonly rule: string };

/** Matches the empty text. */
export const empty: GrammarNode = { kind: 'sequence', items: [] };

/** Matches no text. Rules that need it are removed before a grammar is written. */
export const nothing: GrammarNode = { kind: 'choice', options: [] };

export function literal(text: string): GrammarNode {
  return text === '' ? empty : { kind: 'literal', text };
}

/** Matches one character of a set of ranges, or one of the characters of a string. */
export function characters(set: CharacterRanges | string): GrammarNode {
  const ranges = typeof set === 'string' ? charactersOf(set) : set;
  if (ranges.length === 0) throw new RangeError('A set of characters must not be empty.');
  return { kind: 'characters', ranges };
}

export function sequence(...items: readonly GrammarNode[]): GrammarNode {
  const flat: GrammarNode[] = [];
  for (const item of items.flatMap((each) => (each.kind === 'sequence' ? each.items : [each]))) {
    const previous = flat.at(-1);
    if (item.kind === 'literal' && previous?.kind === 'literal')
      flat[flat.length - 1] = literal(previous.text + item.text);
    else flat.push(item);
  }
  return flat.length === 1 && flat[0] !== undefined ? flat[0] : { kind: 'sequence', items: flat };
}

export function choice(...options: readonly GrammarNode[]): GrammarNode {
  const flat = options.flatMap((each) => (each.kind === 'choice' ? each.options : [each]));
  return flat.length === 1 && flat[0] !== undefined ? flat[0] : { kind: 'choice', options: flat };
}

export function repeat(item: GrammarNode, min: number, max = Number.POSITIVE_INFINITY): GrammarNode {
  if (max === 0) return empty;
  return min === 1 && max === 1 ? item : { kind: 'repeat', item, min, max };
}

export function optional(item: GrammarNode): GrammarNode {
  return isEmpty(item) ? empty : repeat(item, 0, 1);
}

export function reference(rule: string): GrammarNode {
  return { kind: 'reference', rule };
}

/** Whether the node matches only the empty text. */
function isEmpty(node: GrammarNode): boolean {
  return node.kind === 'sequence' && node.items.length === 0;
}
