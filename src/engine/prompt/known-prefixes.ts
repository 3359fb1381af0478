// Beginnings of prompts that are known beforehand: a system prompt, examples, a list of tools. Each may have a snapshot of
// what evaluating it leaves behind.
import type { Token } from '../engine.ts';

export interface KnownPrefix {
  readonly name: string;
  readonly tokens: readonly Token[];
}

export class KnownPrefixes {
  /** By length, rising. */
  readonly all: readonly KnownPrefix[];

  constructor(prefixes: readonly KnownPrefix[]) {
    this.all = prefixes.toSorted((one, other) => one.tokens.length - other.tokens.length);
  }

  /** Those that a prompt begins with, and is longer than, by their length. */
  of(prompt: readonly Token[]): readonly KnownPrefix[] {
    return this.all.filter(
      ({ tokens }) =>
        tokens.length < prompt.length && tokens.every((token, index) => token === prompt[index]),
    );
  }
}

/** What several texts begin with. */
export function commonBeginning(texts: readonly (readonly Token[])[]): readonly Token[] {
  const [first = [], ...others] = texts;
  const end = first.findIndex((token, index) => others.some((other) => other[index] !== token));
  return end < 0 ? first : first.slice(0, end);
}
