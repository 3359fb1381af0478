// The branches of a prompt as a tree of tokens: what several begin with is evaluated once.
import type { Branch, Token } from '../engine.ts';

export interface TokenNode {
  readonly token: Token;
  readonly parent: TokenNode | undefined;
  readonly children: Map<Token, TokenNode>;
  /** The tokens whose probabilities behind this one are wanted, with the places of their scores. */
  readonly wanted: Map<Token, number>;
  /** How many tokens it and all behind it are. */
  tokens: number;
  /** How many tokens it and the longest way behind it are. */
  depth: number;
  /** In how many ways they end. */
  ends: number;
  /** How many of them the probabilities of tokens are wanted behind. */
  outputs: number;
}

export class TokenTree {
  /** The end of the prompt. Its token is none. */
  readonly root: TokenNode = toNode(-1);
  /** The logarithms of the probabilities of the wanted tokens. */
  readonly scores: Float64Array;
  /** By branch and continuation, the places of its tokens' scores. */
  readonly #places: readonly (readonly (readonly number[])[])[];
  /** Parents come before their children. */
  readonly #nodes: TokenNode[] = [this.root];
  #wanted = 0;

  constructor(branches: readonly Branch[]) {
    this.#places = branches.map(({ tokens, continuations }) => {
      const end = tokens.reduce((node, token) => this.#step(node, token), this.root);
      return continuations.map((continuation) => this.#want(end, continuation));
    });
    this.scores = new Float64Array(this.#wanted);
    for (const node of this.#nodes.toReversed()) {
      if (node.children.size === 0) node.ends = 1;
      if (isWanted(node)) node.outputs += 1;
      if (node.parent === undefined) continue;
      node.parent.tokens += node.tokens;
      node.parent.depth = Math.max(node.parent.depth, node.depth + (node.parent.parent ? 1 : 0));
      node.parent.ends += node.ends;
      node.parent.outputs += node.outputs;
    }
  }

  /** By branch and continuation, the logarithm of its probability. */
  toLogprobs(): number[][] {
    return this.#places.map((continuations) =>
      continuations.map((places) =>
        places.reduce((sum, place) => sum + (this.scores[place] ?? Number.NaN), 0),
      ),
    );
  }

  #want(end: TokenNode, continuation: readonly Token[]): number[] {
    let node = end;
    return continuation.map((token, index) => {
      // The last token is scored, but nothing follows it.
      if (index > 0) node = this.#step(node, continuation[index - 1] ?? -1);
      const place = node.wanted.get(token) ?? this.#wanted++;
      node.wanted.set(token, place);
      return place;
    });
  }

  #step(node: TokenNode, token: Token): TokenNode {
    const known = node.children.get(token);
    if (known !== undefined) return known;
    const child = toNode(token, node);
    node.children.set(token, child);
    this.#nodes.push(child);
    return child;
  }
}

/** Whether the probabilities of tokens are wanted behind a node. */
export function isWanted({ wanted }: TokenNode): boolean {
  return wanted.size > 0;
}

function toNode(token: Token, parent?: TokenNode): TokenNode {
  const tokens = parent ? 1 : 0;
  return {
    token,
    parent,
    children: new Map(),
    wanted: new Map(),
    tokens,
    depth: tokens,
    ends: 0,
    outputs: 0,
  };
}

/** A part of a tree, to be evaluated together. */
export interface TreePiece {
  readonly tokens: readonly Token[];
  /** By token, the place of the one before it; -1 is the end of what the sequence holds. Parents come first. */
  readonly parents: readonly number[];
  /** By wanted token, the place of the one before it, the token, and the place of its score in the tree. */
  readonly wanted: readonly { readonly parent: number; readonly token: Token; readonly place: number }[];
}

/** The nodes and all behind them, those behind each directly after it. */
function toPiece(nodes: readonly TokenNode[]): TreePiece {
  const tokens: Token[] = [];
  const parents: number[] = [];
  const wanted: { parent: number; token: Token; place: number }[] = [];
  const open = nodes.map((node) => ({ node, parent: -1 })).reverse();
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const index = tokens.push(next.node.token) - 1;
    parents.push(next.parent);
    for (const [token, place] of next.node.wanted) wanted.push({ parent: index, token, place });
    open.push(...[...next.node.children.values()].map((node) => ({ node, parent: index })).reverse());
  }
  return { tokens, parents, wanted };
}

type PieceRoom = Readonly<Pick<TokenNode, 'tokens' | 'ends' | 'outputs'>>;

/**
 * Puts subtrees together to pieces of a size.
 *
 * @param room - the most of each that a piece may have
 * @returns the pieces, and the subtrees that are larger
 */
export function packSubtrees(
  subtrees: Iterable<TokenNode>,
  room: PieceRoom,
): { readonly pieces: readonly TreePiece[]; readonly larger: readonly TokenNode[] } {
  const groups: TokenNode[][] = [];
  const larger: TokenNode[] = [];
  let left: PieceRoom = { tokens: 0, ends: 0, outputs: 0 };
  const isIn = (node: TokenNode, { tokens, ends, outputs }: PieceRoom) =>
    node.tokens <= tokens && node.ends <= ends && node.outputs <= outputs;
  for (const node of subtrees) {
    if (!isIn(node, room)) {
      larger.push(node);
      continue;
    }
    if (!isIn(node, left)) {
      groups.push([]);
      left = room;
    }
    groups.at(-1)?.push(node);
    left = {
      tokens: left.tokens - node.tokens,
      ends: left.ends - node.ends,
      outputs: left.outputs - node.outputs,
    };
  }
  return { pieces: groups.map(toPiece), larger };
}
