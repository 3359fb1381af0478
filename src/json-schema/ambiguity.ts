// Estimates how many parses of one text llama.cpp must follow at once. Nested alternatives that start alike
// double that number with each level, and a dozen levels take for ever.
import type { Kind } from './kinds.ts';

/** A property or an item. Undeclared ones have no name and may repeat. */
export interface Member {
  readonly name: string | undefined;
  /** The rule for its value. */
  readonly rule: string;
  readonly isRequired: boolean;
}

/** The members of a list or an object, in order. */
export interface Container {
  readonly kind: 'object' | 'array';
  readonly members: readonly Member[];
}

/** The values that the rule for a schema allows. */
export interface Shape {
  /** The rules of its alternatives. */
  readonly options: readonly string[];
  readonly kinds: readonly Kind[];
  readonly containers: readonly Container[];
  /** The JSON texts of the values, if the schema lists them. */
  readonly values: readonly string[] | undefined;
}

/** The values that a rule allows, over all its alternatives. */
interface Outline {
  readonly kinds: ReadonlySet<Kind>;
  readonly containers: readonly Container[];
  readonly values: ReadonlySet<string> | undefined;
}

/** The most parses. llama.cpp follows each of them for every token of the vocabulary. */
const mostParses = 1000;

/** Enough levels to distinguish exponential from linear growth. */
const levels = 32;

/** The most alternatives, because each is compared with each. */
const mostAlternatives = 500;

/** Finds rules whose texts may have too many parses. */
export class AmbiguityCheck {
  readonly #shapes: ReadonlyMap<string, Shape>;
  readonly #outlines = new Map<string, Outline>();

  constructor(shapes: ReadonlyMap<string, Shape>) {
    this.#shapes = shapes;
  }

  /** Finds a rule with too many alternatives that are lists or objects. */
  findTooManyAlternatives(): string | undefined {
    const rules = [...this.#shapes.keys()];
    return rules.find((rule) => this.#outlineOf(rule).containers.length > mostAlternatives);
  }

  /** Finds a rule with too many parses. */
  findAmbiguity(): string | undefined {
    const rules = [...this.#shapes.keys()].reverse();
    const similar = new Map(rules.map((rule) => [rule, this.#groupSimilar(rule)]));
    const parses = new Map<string, number>();
    const parsesWithin = ({ members }: Container) =>
      Math.max(0, ...members.map(({ rule }) => parses.get(rule) ?? 0));
    for (let level = 0; level < levels; level++) {
      for (const [rule, groups] of similar) {
        // A list or an object has at least one parse. Other values do not count.
        const most = Math.max(...groups.map((group) => Math.max(1, sum(group.map(parsesWithin)))), 0);
        if (most > mostParses) return rule;
        parses.set(rule, most);
      }
    }
    return undefined;
  }

  /** Combines a rule with its alternatives, recursively. */
  #outlineOf(rule: string): Outline {
    const known = this.#outlines.get(rule);
    if (known !== undefined) return known;
    const reached = new Set([rule]);
    for (const each of reached)
      for (const option of this.#shapes.get(each)?.options ?? []) reached.add(option);
    const shapes = [...reached].map((each) => this.#shapes.get(each)).filter((shape) => shape !== undefined);
    const lists = shapes.filter(({ kinds }) => kinds.length > 0).map(({ values }) => values);
    const outline = {
      kinds: new Set(shapes.flatMap(({ kinds }) => kinds)),
      containers: shapes.flatMap(({ containers }) => containers),
      values: lists.every((list) => list !== undefined) ? new Set(lists.flat()) : undefined,
    };
    this.#outlines.set(rule, outline);
    return outline;
  }

  /** Returns, for each list or object of a rule, all that llama.cpp parses at the same time. */
  #groupSimilar(rule: string): Container[][] {
    const { containers } = this.#outlineOf(rule);
    return containers.map((one) =>
      containers.filter((other) => one === other || !this.#areDistinct(one, other)),
    );
  }

  /** Whether the texts of two containers differ before both contain a list or an object. */
  #areDistinct(one: Container, other: Container): boolean {
    if (one.kind !== other.kind) return true;
    const length = Math.max(one.members.length, other.members.length);
    for (let index = 0; index < length; index++) {
      const [next, otherNext] = [nextMembers(one, index), nextMembers(other, index)];
      const couldBeSame = next.some((member) =>
        otherNext.some((otherMember) => mayShareName(member, otherMember)),
      );
      if (!couldBeSame) return true;
      const [member, otherMember] = [next[0], otherNext[0]];
      if (member === undefined || otherMember === undefined || next.length + otherNext.length > 2)
        return false;
      if (haveNothingInCommon(this.#outlineOf(member.rule), this.#outlineOf(otherMember.rule))) return true;
      const outlines = [member, otherMember].map(({ rule }) => this.#outlineOf(rule));
      if (outlines.every(({ containers }) => containers.length > 0)) return false;
    }
    return false;
  }
}

function haveNothingInCommon(one: Outline, other: Outline): boolean {
  if (![...one.kinds].some((kind) => other.kinds.has(kind))) return true;
  const { values } = other;
  return (
    values !== undefined && one.values !== undefined && ![...one.values].some((value) => values.has(value))
  );
}

/** Returns the members that may follow at an index: the optional ones and the next required one. */
function nextMembers({ members }: Container, index: number): readonly Member[] {
  const last = members.at(-1);
  if (index >= members.length) return last !== undefined && last.name === undefined ? [last] : [];
  const required = members.findIndex((member, at) => at >= index && member.isRequired);
  return members.slice(index, required < 0 ? undefined : required + 1);
}

function mayShareName(one: Member, other: Member): boolean {
  return one.name === undefined || other.name === undefined || one.name === other.name;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
