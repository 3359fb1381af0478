// How many readings of one text llama.cpp may have to follow at once. Where alternatives begin alike, and hold values
// with such alternatives again, that number doubles with every level, and a dozen levels take for ever.
import type { Kind } from './kinds.ts';

/** A property or an item. Those that are not declared have no name, and there may be several. */
export interface Member {
  readonly name: string | undefined;
  /** The rule of its value. */
  readonly rule: string;
  readonly isRequired: boolean;
}

/** What a list or an object holds, in its order. */
export interface Container {
  readonly kind: 'object' | 'array';
  readonly members: readonly Member[];
}

/** What a rule for a schema allows. */
export interface Shape {
  /** The rules of its alternatives. */
  readonly options: readonly string[];
  readonly kinds: readonly Kind[];
  readonly containers: readonly Container[];
  /** The values as texts, where they are listed. */
  readonly values: readonly string[] | undefined;
}

/** What a rule allows, in whichever of its alternatives. */
interface Outline {
  readonly kinds: ReadonlySet<Kind>;
  readonly containers: readonly Container[];
  readonly values: ReadonlySet<string> | undefined;
}

/** Each reading is followed for every token of the vocabulary. */
const mostReadings = 1000;

/** Enough to tell a number that doubles with each level from one that grows by one. */
const levels = 32;

/** Comparing each with each takes its time. */
export const mostAlternatives = 500;

/** Finds rules whose texts may have more readings than can be followed. */
export class AmbiguityCheck {
  readonly #shapes: ReadonlyMap<string, Shape>;
  readonly #outlines = new Map<string, Outline>();

  constructor(shapes: ReadonlyMap<string, Shape>) {
    this.#shapes = shapes;
  }

  /** A rule with more alternatives, lists and objects, than can be compared. */
  findCrowd(): string | undefined {
    const rules = [...this.#shapes.keys()];
    return rules.find((rule) => this.#outlineOf(rule).containers.length > mostAlternatives);
  }

  /** A rule with more readings than can be followed. */
  findAmbiguity(): string | undefined {
    const rules = [...this.#shapes.keys()].reverse();
    const alike = new Map(rules.map((rule) => [rule, this.#alikeIn(rule)]));
    const readings = new Map<string, number>();
    const within = ({ members }: Container) =>
      Math.max(0, ...members.map(({ rule }) => readings.get(rule) ?? 0));
    for (let level = 0; level < levels; level++) {
      for (const [rule, groups] of alike) {
        // One reading of a text that opens a list or an object, and none of one that does not.
        const most = Math.max(...groups.map((group) => Math.max(1, sum(group.map(within)))), 0);
        if (most > mostReadings) return rule;
        readings.set(rule, most);
      }
    }
    return undefined;
  }

  /** What a rule allows together with its alternatives, and with theirs. */
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

  /** For each of a rule's lists and objects, those that are read alike. */
  #alikeIn(rule: string): Container[][] {
    const { containers } = this.#outlineOf(rule);
    return containers.map((one) =>
      containers.filter((other) => one === other || !this.#areToldApart(one, other)),
    );
  }

  /** Whether it is certain, before both hold a list or an object, which of two it is. */
  #areToldApart(one: Container, other: Container): boolean {
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

/** What may come at an index: what is optional, and then what is required. */
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
