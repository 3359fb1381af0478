// Prefixes of prompts that are known before any request: a system prompt, examples, a list of tools. Each may have a snapshot
// of llama.cpp's state behind it.
import type { Token } from '../engine.ts';

export interface KnownPrefix {
  readonly name: string;
  readonly tokens: readonly Token[];
}

export class KnownPrefixes {
  /** The shortest first. */
  readonly all: readonly KnownPrefix[];

  constructor(prefixes: readonly KnownPrefix[]) {
    this.all = prefixes.toSorted((one, other) => one.tokens.length - other.tokens.length);
  }

  /** The prefixes that a prompt starts with and is longer than, the shortest first. */
  of(prompt: readonly Token[]): readonly KnownPrefix[] {
    return this.all.filter(
      ({ tokens }) =>
        tokens.length < prompt.length && tokens.every((token, index) => token === prompt[index]),
    );
  }

  /** The lengths of the prefixes that {@link of} finds. */
  lengthsIn(prompt: readonly Token[]): readonly number[] {
    return this.of(prompt).map(({ tokens }) => tokens.length);
  }
}

/** The tokens that several texts start with. */
export function commonBeginning(texts: readonly (readonly Token[])[]): readonly Token[] {
  const [first = [], ...others] = texts;
  const end = first.findIndex((token, index) => others.some((other) => other[index] !== token));
  return end < 0 ? first : first.slice(0, end);
}
