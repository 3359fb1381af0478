// Parses the part of GBNF that write-gbnf.ts and llama.cpp write.

interface Item {
  readonly atom:
    | { readonly text: string }
    | { readonly ranges: readonly [first: number, last: number][] }
    | { readonly rule: string };
  readonly min: number;
  readonly max: number;
}

/** The alternatives of a rule. */
type Rule = readonly Item[][];

/** Deeper rules choose the alternative with the lowest height. */
const deepestChoice = 12;

export class Gbnf {
  readonly #rules = new Map<string, Rule>();
  /** The lowest nesting of rules that each rule needs. */
  readonly #heights = new Map<string, number>();

  constructor(text: string) {
    for (const line of text.trimEnd().split('\n')) {
      const [, name = '', body = ''] = /^([A-Za-z0-9-]+) ::= (.*)$/.exec(line) ?? [];
      if (this.#rules.has(name)) throw new Error(`The grammar defines the rule ${name} twice.`);
      this.#rules.set(name, this.#parseOptions(body, name));
    }
    for (let before = -1; before < this.#heights.size; ) {
      before = this.#heights.size;
      for (const [name, rule] of this.#rules) {
        const height = this.#lowestOf(rule);
        if (Number.isFinite(height) && !this.#heights.has(name)) this.#heights.set(name, height + 1);
      }
    }
  }

  /** Generates a random text that the grammar accepts. */
  sample(random: () => number, rule = 'root', depth = 0): string {
    const options = this.#rule(rule);
    const lowest = this.#lowestOf(options);
    const isDeep = depth >= deepestChoice;
    const possible = isDeep ? options.filter((items) => this.#heightOf(items) === lowest) : options;
    const pick = <Value>(values: readonly Value[]) => values[Math.floor(random() * values.length)] as Value;
    const texts = pick(possible).map(({ atom, min, max }) => {
      const times = isDeep ? min : timesBetween(min, max, random);
      return Array.from({ length: times }, () => {
        if ('text' in atom) return atom.text;
        if ('rule' in atom) return this.sample(random, atom.rule, depth + 1);
        const [first, last] = pick(atom.ranges);
        return String.fromCodePoint(first + Math.floor(random() * (last - first + 1)));
      }).join('');
    });
    return texts.join('');
  }

  /** Converts a grammar without recursion to a regular expression. */
  toRegExp(): RegExp {
    const hex = (code: number) => `\\u{${code.toString(16)}}`;
    const ofRule = (name: string): string => `(?:${this.#rule(name).map(ofItems).join('|')})`;
    const ofItems = (items: readonly Item[]): string =>
      items
        .map(({ atom, min, max }) => `${ofAtom(atom)}{${min},${Number.isFinite(max) ? max : ''}}`)
        .join('');
    const ofAtom = (atom: Item['atom']): string => {
      if ('rule' in atom) return ofRule(atom.rule);
      if ('text' in atom)
        return `(?:${Array.from(atom.text, (each) => hex(each.codePointAt(0) ?? 0)).join('')})`;
      return `[${atom.ranges.map(([first, last]) => `${hex(first)}-${hex(last)}`).join('')}]`;
    };
    return new RegExp(`^${ofRule('root')}$`, 'u');
  }

  /** Parses the alternatives of a rule. A group within it becomes a rule of its own. */
  #parseOptions(body: string, name: string): Rule {
    const token =
      /"((?:[^"\\]|\\.)*)"|\[((?:[^\]\\]|\\.)+)\]|([A-Za-z0-9-]+)|([?*+]|\{\d+(?:,\d*)?\})|(\|)|([()])|( )/gy;
    /** The alternatives of the rule and of the groups that are open within it. */
    const open: Item[][][] = [[[]]];
    while (token.lastIndex < body.length) {
      const at = token.lastIndex;
      const [, text, set, rule, times, bar, bracket] = token.exec(body) ?? fail(body, at);
      const options = open.at(-1) as Item[][];
      const items = options.at(-1) as Item[];
      if (bar !== undefined) options.push([]);
      else if (bracket === '(') open.push([[]]);
      else if (bracket === ')') {
        const group = `${name} ${at}`;
        this.#rules.set(group, open.pop() as Item[][]);
        open
          .at(-1)
          ?.at(-1)
          ?.push({ atom: { rule: group }, min: 1, max: 1 });
      } else if (text !== undefined) items.push({ atom: { text: unescaped(text).join('') }, min: 1, max: 1 });
      else if (set !== undefined) items.push({ atom: { ranges: parseSet(set) }, min: 1, max: 1 });
      else if (rule !== undefined) items.push({ atom: { rule }, min: 1, max: 1 });
      else if (times !== undefined) items.push({ ...(items.pop() as Item), ...parseTimes(times) });
    }
    return open.length === 1 ? (open[0] as Rule) : fail(body, body.length);
  }

  #rule(name: string): Rule {
    const rule = this.#rules.get(name);
    if (rule === undefined) throw new Error(`Unknown rule ${name}.`);
    return rule;
  }

  #lowestOf(rule: Rule): number {
    return Math.min(...rule.map((items) => this.#heightOf(items)));
  }

  #heightOf(items: readonly Item[]): number {
    const heights = items.map(({ atom, min }) =>
      'rule' in atom && min > 0 ? (this.#heights.get(atom.rule) ?? Number.POSITIVE_INFINITY) : 0,
    );
    return Math.max(0, ...heights);
  }
}

/** Draws a number of repetitions: usually few, sometimes a bound. */
function timesBetween(min: number, max: number, random: () => number): number {
  const dice = random();
  if (dice < 0.2) return min;
  if (dice < 0.4 && max <= 1000) return max;
  return Math.min(max, min + Math.floor(random() * 4));
}

function parseTimes(times: string): { min: number; max: number } {
  if (times === '?') return { min: 0, max: 1 };
  if (times === '*') return { min: 0, max: Number.POSITIVE_INFINITY };
  if (times === '+') return { min: 1, max: Number.POSITIVE_INFINITY };
  const [min = '', max = min] = times.slice(1, -1).split(',');
  return { min: Number(min), max: max === '' ? Number.POSITIVE_INFINITY : Number(max) };
}

function fail(body: string, at: number): never {
  throw new Error(`Cannot parse GBNF at ${at}: ${body}`);
}

/** Visible ASCII without those of a negated set. */
function parseNegatedSet(set: string): [number, number][] {
  const without = parseSet(set);
  const codes = Array.from({ length: 0x7f - 0x20 }, (_, index) => index + 0x20);
  return codes
    .filter((code) => !without.some(([first, last]) => first <= code && code <= last))
    .map((code) => [code, code]);
}

/** Parses a set. write-gbnf.ts writes a literal hyphen in hexadecimal. */
function parseSet(set: string): [number, number][] {
  if (set.startsWith('^')) return parseNegatedSet(set.slice(1));
  const character = String.raw`(?:\\x..|\\u....|\\U.{8}|\\.|[^\\])`;
  const parts = set.match(new RegExp(`${character}(?:-${character})?`, 'gu')) ?? [];
  return parts.map((part) => {
    const [first = '', , last = first] = unescaped(part);
    return [first.codePointAt(0) ?? 0, last.codePointAt(0) ?? 0];
  });
}

/** Returns the characters of an escaped text. */
function unescaped(text: string): string[] {
  const pieces = text.match(/\\x..|\\u....|\\U.{8}|\\.|[^\\]/gu) ?? [];
  return pieces.map((piece) => {
    const hex = /^\\[xuU](.+)$/.exec(piece)?.[1];
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (piece === '\\n') return '\n';
    return piece === '\\t' ? '\t' : piece.replace(/^\\/, '');
  });
}
