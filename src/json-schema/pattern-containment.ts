// Decides whether one pattern implies another: the first then stands for both.
import type { CharacterRanges } from './character-ranges.ts';
import type { Pattern } from './pattern.ts';

/** The search gives up after this many steps. */
const mostSteps = 50_000;

/**
 * Whether `outer` matches every text that `inner` matches. Simulates both automata: each state of `inner` is
 * paired with all states that `outer` can have reached.
 *
 * @returns false also when the answer would take too long
 */
export function isContained(inner: Pattern, outer: Pattern): boolean {
  const one = toAutomaton(inner);
  const other = toAutomaton(outer);
  const seen = new Set<string>();
  const open: { state: number; others: readonly number[] }[] = [{ state: start, others: [start] }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { state, others } = next;
    const key = `${state}:${others.join()}`;
    if (seen.has(key)) continue;
    seen.add(key);
    if (seen.size > mostSteps) return false;
    if (one.isEnd(state) && !others.some((each) => other.isEnd(each))) return false;
    const otherNext = [...new Set(others.flatMap((each) => [...other.after(each)]))];
    for (const following of one.after(state)) {
      for (const character of representatives(
        one.set(following),
        otherNext.map((each) => other.set(each)),
      )) {
        const reached = otherNext.filter((each) => has(other.set(each), character));
        // Every state leads to an end, so the inner pattern matches a text that the outer one does not.
        if (reached.length === 0) return false;
        open.push({ state: following, others: reached.sort((a, b) => a - b) });
      }
    }
  }
  return true;
}

/** Returns one character for each part of a set that the other sets treat alike. */
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

/** The state before the first character. */
const start = -1;

/** The automaton of a pattern. Each state has its characters and the states that may follow. */
class Automaton {
  readonly #sets: CharacterRanges[] = [];
  readonly #after = new Map<number, Set<number>>();
  readonly #ends = new Set<number>();

  isEnd(state: number): boolean {
    return this.#ends.has(state);
  }

  after(state: number): ReadonlySet<number> {
    return this.#after.get(state) ?? new Set();
  }

  set(state: number): CharacterRanges {
    return this.#sets[state] ?? [];
  }

  addEnds(states: Iterable<number>): void {
    for (const state of states) this.#ends.add(state);
  }

  /**
   * Adds the states of a pattern after others.
   *
   * @returns the states at which the pattern may end, including the states before it if it may be empty
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
      const entries = [...ends].flatMap((state) => [...this.after(state)].filter((each) => each >= first));
      for (const state of last) for (const entry of entries) this.#connect(state, entry);
      return new Set([...all, ...last]);
    }
    for (let times = Math.max(1, min); times <= max; times++) {
      ends = this.append(item, ends);
      for (const state of ends) all.add(state);
    }
    return all;
  }

  #add(set: CharacterRanges, before: ReadonlySet<number>): ReadonlySet<number> {
    const state = this.#sets.push(set) - 1;
    for (const each of before) this.#connect(each, state);
    return new Set([state]);
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
