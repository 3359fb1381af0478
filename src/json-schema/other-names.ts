// Rules for the names of undeclared properties: every text except some names.
import { type CharacterRanges, difference, only, union } from './character-ranges.ts';
import { characters, choice, empty, type GrammarNode, literal, repeat, sequence } from './grammar-node.ts';
import { plainCharacters } from './json-text.ts';

/** Names that share this many first characters with a declared name are excluded. */
const longestComparison = 64;

/** A node of the prefix tree of the names. */
interface Branch {
  /** Whether a name ends here. */
  isName: boolean;
  /** Whether a longer name was cut here. */
  isCut: boolean;
  readonly next: Map<string, Branch>;
}

/**
 * Matches a non-empty name that is not one of `names`. It has only unescaped characters: an escaped name
 * could equal one of `names`.
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
