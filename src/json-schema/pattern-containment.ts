// Whether every text of one pattern is one of another's: then the first stands for both.
import type { CharacterRanges } from './character-ranges.ts';
import type { Pattern } from './pattern.ts';

/** It would take too long to know. */
const mostSteps = 50_000;

/**
 * Whether all texts that `inner` matches are matched by `outer`. Both are read side by side, and for each place that
 * `inner` may have reached, all places that `outer` may have reached are kept.
 *
 * @returns false also when it cannot be told with reasonable effort
 */
export function isContained(inner: Pattern, outer: Pattern): boolean {
  const one = toAutomaton(inner);
  const other = toAutomaton(outer);
  const seen = new Set<string>();
  const open: { place: number; others: readonly number[] }[] = [{ place: start, others: [start] }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { place, others } = next;
    const key = `${place}:${others.join()}`;
    if (seen.has(key)) continue;
    seen.add(key);
    if (seen.size > mostSteps) return false;
    if (one.isEnd(place) && !others.some((each) => other.isEnd(each))) return false;
    const otherNext = [...new Set(others.flatMap((each) => [...other.after(each)]))];
    for (const following of one.after(place)) {
      for (const character of representatives(
        one.set(following),
        otherNext.map((each) => other.set(each)),
      )) {
        const reached = otherNext.filter((each) => has(other.set(each), character));
        // Every place leads to an end: there is a text that only the inner pattern matches.
        if (reached.length === 0) return false;
        open.push({ place: following, others: reached.sort((a, b) => a - b) });
      }
    }
  }
  return true;
}

/** One character of each part of a set whose characters no other set tells apart. */
function representatives(set: CharacterRanges, others: readonly CharacterRanges[]): number[] {
  const boundaries = new Set(
    others.flatMap((ranges) => ranges.flatMap(([first, last]) => [first, last + 1])),
  );
  return set.flatMap(([first, last]) => [
    first,
    ...[...boundaries].filter((each) => each > first && each <= last),
  ]);
}

function has(set: CharacterRanges, character: number): boolean {
  return set.some(([first, last]) => first <= character && character <= last);
}

/** Before the first character. */
const start = -1;

/** Places of a pattern, each with the characters it matches, and the places that may come after it. */
class Automaton {
  readonly #sets: CharacterRanges[] = [];
  readonly #after = new Map<number, Set<number>>();
  readonly #ends = new Set<number>();

  isEnd(place: number): boolean {
    return this.#ends.has(place);
  }

  after(place: number): ReadonlySet<number> {
    return this.#after.get(place) ?? new Set();
  }

  set(place: number): CharacterRanges {
    return this.#sets[place] ?? [];
  }

  addEnds(places: Iterable<number>): void {
    for (const place of places) this.#ends.add(place);
  }

  /**
   * Adds the places of a pattern behind others.
   *
   * @returns the places at which the pattern may end, the given ones among them where it may be empty
   */
  append(pattern: Pattern, before: ReadonlySet<number>): ReadonlySet<number> {
    switch (pattern.kind) {
      case 'characters':
        return this.#add(pattern.ranges, before);
      case 'any':
        return this.#add([[0, 0x10ffff]], before);
      case 'sequence':
        return pattern.items.reduce((ends, item) => this.append(item, ends), before);
      case 'choice':
        return new Set(pattern.options.flatMap((option) => [...this.append(option, before)]));
      case 'repeat':
        return this.#repeat(pattern.item, pattern.min, pattern.max, before);
    }
  }

  #repeat(item: Pattern, min: number, max: number, before: ReadonlySet<number>): ReadonlySet<number> {
    let ends = before;
    for (let times = 1; times < min; times++) ends = this.append(item, ends);
    const all = new Set(min === 0 ? before : []);
    if (max === Number.POSITIVE_INFINITY) {
      const first = this.#sets.length;
      const last = this.append(item, ends);
      const entries = [...ends].flatMap((place) => [...this.after(place)].filter((each) => each >= first));
      for (const place of last) for (const entry of entries) this.#connect(place, entry);
      return new Set([...all, ...last]);
    }
    for (let times = Math.max(1, min); times <= max; times++) {
      ends = this.append(item, ends);
      for (const place of ends) all.add(place);
    }
    return all;
  }

  #add(set: CharacterRanges, before: ReadonlySet<number>): ReadonlySet<number> {
    const place = this.#sets.push(set) - 1;
    for (const each of before) this.#connect(each, place);
    return new Set([place]);
  }

  #connect(from: number, to: number): void {
    const after = this.#after.get(from) ?? new Set();
    this.#after.set(from, after.add(to));
  }
}

function toAutomaton(pattern: Pattern): Automaton {
  const automaton = new Automaton();
  automaton.addEnds(automaton.append(pattern, new Set([start])));
  return automaton;
}
