// Writes rules as GBNF. Every group becomes a separate rule: llama.cpp parses groups recursively, and rejects
// a repeated group if its rules times the repetitions exceed 2,000 (MAX_REPETITION_THRESHOLD).
import type { CharacterRange } from './character-ranges.ts';
import type { GrammarNode } from './grammar-node.ts';

export type GrammarRules = ReadonlyMap<string, GrammarNode>;

/** Longer repetitions are written as nested blocks, because llama.cpp expands every repetition. */
const longestPlainRepetition = 100;

/** The largest grammar. */
export interface GrammarLimits {
  /** The length of its text. */
  readonly characters: number;
  /** The number of characters, ranges and references, with repetitions written out. */
  readonly elements: number;
}

/** The grammar exceeds its limits. */
export class GrammarTooLargeError extends Error {
  override readonly name = 'GrammarTooLargeError';
}

/**
 * Writes a rule named `root` that refers to the rule `root`, and all rules that this one needs.
 *
 * @throws {GrammarTooLargeError} when the grammar exceeds the limits
 */
export function writeGbnf(rules: GrammarRules, root: string, limits: GrammarLimits): string {
  return new GbnfWriter(rules, limits).write(root);
}

class GbnfWriter {
  readonly #rules: GrammarRules;
  readonly #limits: GrammarLimits;
  #elements = 0;
  #characters = 0;
  readonly #lines: string[] = [];
  /** The names of rules that are written or pending. */
  readonly #names = new Set<string>(['root']);
  readonly #pending: string[] = [];
  /** The names of the rules of groups, by their text. Equal groups share a rule. */
  readonly #groups = new Map<string, string>();
  /** The names of the rules of long repetitions, by the text of the repetition. */
  readonly #repetitions = new Map<string, string>();
  /** The current rule. Its name is the base of the names of its groups. */
  #current = '';

  constructor(rules: GrammarRules, limits: GrammarLimits) {
    this.#rules = rules;
    this.#limits = limits;
  }

  write(root: string): string {
    this.#writeLine('root', this.#reference(root));
    for (let rule = this.#pending.pop(); rule !== undefined; rule = this.#pending.pop()) {
      const node = this.#rules.get(rule);
      if (node === undefined)
        throw new RangeError(`Unknown rule '${rule}'. Add it with addRule() or addSchema().`);
      this.#current = rule;
      this.#writeLine(rule, this.#options(node));
    }
    return this.#lines.join('');
  }

  #writeLine(rule: string, text: string): void {
    const line = `${rule} ::= ${text}\n`;
    this.#lines.push(line);
    this.#characters += line.length;
    if (this.#characters > this.#limits.characters) throw new GrammarTooLargeError('The text is too long.');
  }

  #options(node: GrammarNode): string {
    if (node.kind !== 'choice') return this.#items(node);
    this.#count(node.options.length);
    return node.options.map((option) => this.#items(option)).join(' | ');
  }

  #items(node: GrammarNode): string {
    if (node.kind !== 'sequence') return this.#item(node);
    return node.items.length === 0 ? '""' : node.items.map((item) => this.#item(item)).join(' ');
  }

  #item(node: GrammarNode): string {
    switch (node.kind) {
      case 'literal':
        return this.#literal(node.text);
      case 'characters':
        this.#count(2 * node.ranges.length);
        return `[${node.ranges.map(writeRange).join('')}]`;
      case 'reference':
        return this.#reference(node.rule);
      case 'repeat':
        return this.#repetition(this.#repeatable(node.item), node.min, node.max);
      case 'sequence':
      case 'choice':
        return this.#group(this.#options(node));
    }
  }

  #literal(text: string): string {
    const characters = Array.from(text);
    this.#count(characters.length);
    return `"${characters.map(escapeInLiteral).join('')}"`;
  }

  #reference(rule: string): string {
    this.#count(1);
    if (!this.#names.has(rule)) {
      this.#names.add(rule);
      this.#pending.push(rule);
    }
    return rule;
  }

  /** Writes an item that a repetition may follow. */
  #repeatable(node: GrammarNode): string {
    const isOne = node.kind === 'literal' && node.text.length === 1;
    return isOne || node.kind === 'characters' || node.kind === 'reference'
      ? this.#item(node)
      : this.#group(this.#options(node));
  }

  #repetition(item: string, min: number, max: number): string {
    if (min === 0 && max === 1) return this.#counted(`${item}?`, 3);
    if (max === Number.POSITIVE_INFINITY) {
      if (min <= 1) return this.#counted(`${item}${min === 0 ? '*' : '+'}`, 5);
      return `${this.#times(item, min)} ${this.#counted(`${item}*`, 5)}`;
    }
    return [this.#times(item, min), this.#upTo(item, max - min)].filter((part) => part !== '').join(' ');
  }

  #times(item: string, times: number): string {
    if (times === 0) return '';
    if (times === 1) return item;
    if (times <= longestPlainRepetition) return this.#counted(`${item}{${times}}`, 2 * times);
    return this.#blocks(`${item}{${times}}`, () => {
      const size = blockSize(times);
      const block = this.#group(this.#times(item, size));
      return [this.#times(block, Math.floor(times / size)), this.#times(item, times % size)].join(' ').trim();
    });
  }

  #upTo(item: string, most: number): string {
    if (most === 0) return '';
    if (most <= longestPlainRepetition) return this.#counted(`${item}{0,${most}}`, 5 * most);
    return this.#blocks(`${item}{0,${most}}`, () => {
      // Any number of blocks followed by a part of a block, or all blocks followed by the remainder.
      const size = blockSize(most);
      const block = this.#group(this.#times(item, size));
      const lessThanBlock = this.#group(this.#upTo(item, size - 1));
      let rest = this.#upTo(item, most % size) || '""';
      for (let blocks = Math.floor(most / size); blocks > 0; blocks--) {
        rest = `${lessThanBlock} | ${block} ${this.#group(rest)}`;
        this.#count(4);
      }
      return rest;
    });
  }

  /** Writes a long repetition once and returns the name of its rule. */
  #blocks(repetition: string, write: () => string): string {
    const name = this.#repetitions.get(repetition) ?? this.#group(write());
    this.#repetitions.set(repetition, name);
    return name;
  }

  #counted(text: string, elements: number): string {
    this.#count(elements);
    return text;
  }

  /** Writes a text as a rule and returns the name of the rule. */
  #group(text: string): string {
    const known = this.#groups.get(text);
    if (known !== undefined) return known;
    let name: string;
    let number = this.#groups.size;
    do name = `${this.#current}-${++number}`;
    while (this.#rules.has(name) || this.#names.has(name));
    this.#groups.set(text, name);
    this.#names.add(name);
    this.#writeLine(name, text);
    this.#count(2);
    return name;
  }

  #count(elements: number): void {
    this.#elements += elements;
    if (this.#elements > this.#limits.elements) throw new GrammarTooLargeError('It has too many elements.');
  }
}

/** Balances the number of items in a block and the number of blocks. */
function blockSize(times: number): number {
  return Math.ceil(Math.max(Math.sqrt(times), times / longestPlainRepetition));
}

function writeRange([first, last]: CharacterRange): string {
  return first === last ? escapeInSet(first) : `${escapeInSet(first)}-${escapeInSet(last)}`;
}

function escapeInSet(code: number): string {
  const character = String.fromCodePoint(code);
  return /[ -~]/.test(character) && !/["\\[\]^-]/.test(character) ? character : hexEscape(code);
}

/** Control characters, line separators and halves of surrogate pairs. */
const unprintable = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u;

function escapeInLiteral(character: string): string {
  if (character === '"' || character === '\\') return `\\${character}`;
  if (character === '\n') return '\\n';
  return unprintable.test(character) ? hexEscape(character.codePointAt(0) as number) : character;
}

function hexEscape(code: number): string {
  const digits = code.toString(16).toUpperCase();
  if (code <= 0xff) return `\\x${digits.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${digits.padStart(4, '0')}` : `\\U${digits.padStart(8, '0')}`;
}
