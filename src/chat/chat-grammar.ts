// What a chat's answer must look like: JSON of a schema, calls of tools, or either; after the model's thoughts.

import type { Grammar } from '../engine/engine.ts';
import { charactersOf, complement } from '../json-schema/character-ranges.ts';
import { GrammarBuilder } from '../json-schema/grammar-builder.ts';
import {
  characters,
  choice,
  type GrammarNode,
  literal,
  optional,
  reference,
  repeat,
  sequence,
} from '../json-schema/grammar-node.ts';
import type { ChatTool } from './conversation.ts';
import { callStart, toCallsNode } from './tool-syntax.ts';

export interface ChatGrammarOptions {
  /** The tools that may be called. */
  readonly tools: readonly ChatTool[];
  /** Whether one of them must be. */
  readonly mustCall: boolean;
  /** Whether several may be called at once. */
  readonly parallel: boolean;
  /** The schema of the text, or `true` for any JSON object; nothing for free text. */
  readonly json: unknown;
  /** Whether the answer may begin with thoughts, or begins within them. */
  readonly thoughts: 'none' | 'possible' | 'begun';
}

/**
 * The grammar of an answer, or nothing where all is free.
 *
 * @throws {UnsupportedSchemaError} when a schema cannot be expressed
 */
export function toChatGrammar(options: ChatGrammarOptions): Grammar | undefined {
  const { tools, mustCall, parallel, json, thoughts } = options;
  if (tools.length === 0 && json === undefined) return undefined;
  const grammar = new GrammarBuilder();
  const calls = tools.length === 0 ? [] : [toCallsNode(grammar, tools, { parallel })];
  // Free text may turn into a call, and only from there on it is constrained.
  if (!mustCall && json === undefined) {
    return { gbnf: grammar.toGbnf(grammar.addRule('calls', sequence(...calls))), trigger: callStart };
  }
  const startedCalls = calls.map((each) => sequence(literal(callStart), each));
  const texts = mustCall || json === undefined ? [] : [toTextNode(grammar, json)];
  const answer = sequence(toThoughtsNode(thoughts), choice(...startedCalls, ...texts));
  return { gbnf: grammar.toGbnf(grammar.addRule('answer', answer)) };
}

function toTextNode(grammar: GrammarBuilder, json: unknown): GrammarNode {
  return json === true ? grammar.shared('object') : reference(grammar.addSchema(json, 'text'));
}

function toThoughtsNode(thoughts: ChatGrammarOptions['thoughts']): GrammarNode {
  const blanks = repeat(characters(' \n'), 0, 4);
  // All text that has no `</`: what else begins with `<` may stand in it.
  const thought = repeat(
    choice(
      characters(complement(charactersOf('<'))),
      sequence(repeat(literal('<'), 1), characters(complement(charactersOf('/<')))),
    ),
    0,
  );
  const rest = sequence(thought, literal('</think>'), blanks);
  switch (thoughts) {
    case 'none':
      return sequence();
    case 'possible':
      return optional(sequence(literal('<think>'), rest));
    case 'begun':
      return rest;
    default:
      throw thoughts satisfies never;
  }
}
