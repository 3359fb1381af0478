// Parses a regular expression of JSON Schema's `pattern`. Leaves out the assertions that no grammar can express:
// look-arounds, word boundaries, and anchors except at the ends. Rejects back references, Unicode properties and flags.
import {
  type CharacterRange,
  type CharacterRanges,
  charactersOf,
  complement,
  union,
} from './character-ranges.ts';
import {
  anyCharacter,
  type Pattern,
  PatternError,
  patternChoice,
  patternRepeat,
  patternSequence,
} from './pattern.ts';
import { quote } from './schema-error.ts';

/**
 * The longest pattern in characters, because the parser is recursive and llama.cpp follows each character.
 */
const longestPattern = 2000;

/**
 * Parses a pattern to one that matches whole texts. Any text may surround an unanchored pattern. Without its assertions,
 * the pattern may match more texts, so finished texts need a check.
 *
 * @param source a valid pattern in Unicode mode
 * @throws {PatternError} when the pattern is too long, or a grammar cannot express it
 */
export function parsePattern(source: string): Pattern {
  if (source.length > longestPattern) throw new PatternError(`is longer than ${longestPattern} characters`);
  return new PatternParser(source).parse();
}

const digits: CharacterRanges = [[0x30, 0x39]];
const wordCharacters: CharacterRanges = union(...digits, [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]);
const whiteSpace = union(
  [0x09, 0x0d],
  [0x2000, 0x200a],
  ...charactersOf('\u0020\u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff'),
);

/** Escapes for sets of characters. */
const setEscapes: ReadonlyMap<string, CharacterRanges> = new Map([
  ['d', digits],
  ['D', complement(digits)],
  ['w', wordCharacters],
  ['W', complement(wordCharacters)],
  ['s', whiteSpace],
  ['S', complement(whiteSpace)],
]);

/** Escapes for single characters. */
const controlEscapes: ReadonlyMap<string, number> = new Map([
  ['0', 0],
  ['t', 0x09],
  ['n', 0x0a],
  ['v', 0x0b],
  ['f', 0x0c],
  ['r', 0x0d],
]);

/** Assertions that take no text. Those at the ends of a pattern are read before. */
const assertions = ['^', '$', '\\b', '\\B'];

/** The starts of look-arounds, after their bracket. */
const lookArounds = ['?=', '?!', '?<=', '?<!'];

const noText = patternSequence([]);
const notLineEnds = complement(charactersOf('\n\r\u2028\u2029'));
const anyText = patternRepeat(anyCharacter, 0, Number.POSITIVE_INFINITY);

class PatternParser {
  readonly #characters: readonly string[];
  #position = 0;

  constructor(source: string) {
    this.#characters = Array.from(source);
  }

  parse(): Pattern {
    return this.#alternatives(true);
  }

  get #next(): string | undefined {
    return this.#characters[this.#position];
  }

  #take(text: string): boolean {
    const isNext = this.#characters.slice(this.#position, this.#position + text.length).join('') === text;
    if (isNext) this.#position += text.length;
    return isNext;
  }

  #takeAny(texts: readonly string[]): boolean {
    return texts.some((text) => this.#take(text));
  }

  #alternatives(isOutermost: boolean): Pattern {
    const options: Pattern[] = [];
    do options.push(this.#alternative(isOutermost));
    while (this.#take('|'));
    return patternChoice(options);
  }

  #alternative(isOutermost: boolean): Pattern {
    const items: Pattern[] = [];
    if (isOutermost && !this.#take('^')) items.push(anyText);
    let isAnchored = !isOutermost;
    while (this.#next !== undefined && this.#next !== '|' && this.#next !== ')') {
      if (isOutermost && this.#take('$')) isAnchored = true;
      else items.push(this.#quantified(this.#atom()));
    }
    if (!isAnchored) items.push(anyText);
    return patternSequence(items);
  }

  #quantified(atom: Pattern): Pattern {
    const times = this.#quantifier();
    if (times === undefined) return atom;
    // Lazy and greedy quantifiers match the same texts.
    this.#take('?');
    return patternRepeat(atom, ...times);
  }

  #quantifier(): [min: number, max: number] | undefined {
    if (this.#take('*')) return [0, Number.POSITIVE_INFINITY];
    if (this.#take('+')) return [1, Number.POSITIVE_INFINITY];
    if (this.#take('?')) return [0, 1];
    if (!this.#take('{')) return undefined;
    const [min = '', max = min] = this.#until('}').split(',');
    return [Number(min), max === '' ? Number.POSITIVE_INFINITY : Number(max)];
  }

  #atom(): Pattern {
    if (this.#take('(')) return this.#group();
    if (this.#take('[')) return toPattern(this.#set());
    if (this.#take('.')) return toPattern(notLineEnds);
    if (this.#takeAny(assertions)) return noText;
    return toPattern(this.#setOrCharacter());
  }

  #group(): Pattern {
    if (this.#takeAny(lookArounds)) {
      this.#skipGroup();
      return noText;
    }
    if (this.#take('?<')) this.#until('>');
    else if (this.#take('?') && !this.#take(':')) throw new PatternError('has an unsupported flag');
    const inside = this.#alternatives(false);
    this.#take(')');
    return inside;
  }

  /** Takes the rest of a group, whatever is in it. */
  #skipGroup(): void {
    let isInSet = false;
    for (let depth = 1; depth > 0; ) {
      const character = this.#taken();
      if (character === '\\') this.#taken();
      else if (character === '[') isInSet = true;
      else if (character === ']') isInSet = false;
      else if (character === '(' && !isInSet) depth += 1;
      else if (character === ')' && !isInSet) depth -= 1;
    }
  }

  /** Parses a set after its opening bracket. */
  #set(): CharacterRanges {
    const isNegated = this.#take('^');
    const ranges: CharacterRange[] = [];
    while (!this.#take(']')) {
      const start = this.#setOrCharacter(true);
      const first = start[0]?.[0];
      // A hyphen at the end, or next to an escape for a set, is literal.
      if (
        isOne(start) &&
        first !== undefined &&
        this.#next === '-' &&
        this.#characters[this.#position + 1] !== ']'
      ) {
        this.#take('-');
        const last = this.#setOrCharacter(true)[0]?.[1] ?? first;
        ranges.push([first, last]);
      } else ranges.push(...start);
    }
    return isNegated ? complement(union(...ranges)) : union(...ranges);
  }

  #setOrCharacter(isInSet = false): CharacterRanges {
    const character = this.#taken();
    if (character !== '\\') return charactersOf(character);
    const letter = this.#taken();
    const set = setEscapes.get(letter);
    if (set !== undefined) return set;
    const code = letter === 'b' && isInSet ? 0x08 : this.#escapedCode(letter);
    return [[code, code]];
  }

  #escapedCode(letter: string): number {
    if (letter === 'x') return this.#hex(2);
    if (letter === 'u') return this.#take('{') ? Number.parseInt(this.#until('}'), 16) : this.#utf16();
    if (letter === 'c') return (this.#taken().codePointAt(0) ?? 0) % 32;
    const control = controlEscapes.get(letter);
    if (control !== undefined) return control;
    if (/[A-Za-z1-9]/.test(letter)) throw new PatternError(`has an unsupported '\\${quote(letter)}'`);
    return letter.codePointAt(0) ?? 0;
  }

  /** Parses `\uXXXX`, or a surrogate pair of two of them. */
  #utf16(): number {
    const high = this.#hex(4);
    if (high < 0xd800 || high > 0xdbff) return high;
    const start = this.#position;
    const low = this.#take('\\u') ? this.#hex(4) : 0;
    if (low >= 0xdc00 && low <= 0xdfff) return 0x10000 + (high - 0xd800) * 0x400 + (low - 0xdc00);
    this.#position = start;
    return high;
  }

  #hex(length: number): number {
    const text = Array.from({ length }, () => this.#taken()).join('');
    return Number.parseInt(text, 16);
  }

  #taken(): string {
    return this.#characters[this.#position++] ?? '';
  }

  /** Takes the text up to `end`, and `end` itself. The syntax check guarantees that `end` follows. */
  #until(end: string): string {
    const start = this.#position;
    this.#position = this.#characters.indexOf(end, start) + 1;
    return this.#characters.slice(start, this.#position - 1).join('');
  }
}

function toPattern(ranges: CharacterRanges): Pattern {
  return { kind: 'characters', ranges };
}

function isOne(ranges: CharacterRanges): boolean {
  return ranges.length === 1 && ranges[0]?.[0] === ranges[0]?.[1];
}
