// Names of properties that are not declared: a grammar for every text but some.
import { type CharacterRanges, difference, only, union } from './character-ranges.ts';
import { characters, choice, empty, type GrammarNode, literal, repeat, sequence } from './grammar-node.ts';
import { plainCharacters } from './json-text.ts';

/** Names that begin with this many characters of a declared one are left out, however they go on. */
const longestComparison = 64;

/** The names that go on with the same characters. */
interface Branch {
  /** Whether one of the names ends here. */
  isName: boolean;
  /** Whether one of the names is not looked at from here on. */
  isCut: boolean;
  readonly next: Map<string, Branch>;
}

/**
 * A name that is none of `names`, and not empty. It is made of characters that stand as they are: a name that may be
 * written in several ways would be met again in another one.
 */
export function otherName(names: Iterable<string>): GrammarNode {
  const root = emptyBranch();
  for (const name of names) {
    const characters = Array.from(name);
    let branch = root;
    for (const character of characters.slice(0, longestComparison)) {
      const next = branch.next.get(character) ?? emptyBranch();
      branch.next.set(character, next);
      branch = next;
    }
    if (characters.length <= longestComparison) branch.isName = true;
    else branch.isCut = true;
  }
  root.isName = true;
  return restOfName(root);
}

function restOfName(branch: Branch): GrammarNode {
  const plain = [...branch.next].filter(([character]) => isPlain(character));
  const known = union(...plain.map(([character]) => only(character)));
  const others = sequence(
    characters(difference(plainCharacters, known)),
    repeat(characters(plainCharacters), 0),
  );
  const options = plain
    .filter(([, next]) => !next.isCut)
    .map(([character, next]) => sequence(literal(character), restOfName(next)));
  return choice(others, ...options, ...(branch.isName ? [] : [empty]));
}

function isPlain(character: string): boolean {
  const range: CharacterRanges = [only(character)];
  return difference(range, plainCharacters).length === 0;
}

function emptyBranch(): Branch {
  return { isName: false, isCut: false, next: new Map() };
}
