// What a grammar's rule matches, as a tree. It becomes llama.cpp's GBNF in write-gbnf.ts.
import { type CharacterRanges, charactersOf } from './character-ranges.ts';

export type GrammarNode =
  /** This text. */
  | { readonly kind: 'literal'; readonly text: string }
  /** One character of a set that is not empty. */
  | { readonly kind: 'characters'; readonly ranges: CharacterRanges }
  /** One after the other; none at all matches the empty text. */
  | { readonly kind: 'sequence'; readonly items: readonly GrammarNode[] }
  /** One of them. */
  | { readonly kind: 'choice'; readonly options: readonly GrammarNode[] }
  /** Between `min` and `max` times, which may be infinite. The item itself may not match the empty text. */
  | { readonly kind: 'repeat'; readonly item: GrammarNode; readonly min: number; readonly max: number }
  /** What another rule matches. */
  | { readonly kind: 'reference'; readonly rule: string };

/** Matches the empty text. */
export const empty: GrammarNode = { kind: 'sequence', items: [] };

export function literal(text: string): GrammarNode {
  return text === '' ? empty : { kind: 'literal', text };
}

/** One character of a set, given as ranges of code points or as the characters themselves. */
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
  if (flat.length === 0) throw new RangeError('A choice must have an option.');
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

/** Whether it matches nothing but the empty text. */
function isEmpty(node: GrammarNode): boolean {
  return node.kind === 'sequence' && node.items.length === 0;
}
