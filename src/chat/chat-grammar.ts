// The grammar of a chat's answer: optional thoughts, then JSON of a schema, tool calls, or either.

import type { Grammar } from '../engine/engine.ts';
import { charactersOf, complement } from '../json-schema/character-ranges.ts';
import { buildGrammar } from '../json-schema/grammar-builder.ts';
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
  /** The tools that the model may call. */
  readonly tools: readonly ChatTool[];
  /** Whether the model must call a tool. */
  readonly mustCall: boolean;
  /** Whether the model may make several calls in one answer. */
  readonly parallel: boolean;
  /** The schema of the text, or `undefined` for free text. */
  readonly json: unknown;
  /** Whether the answer may start with thoughts, or the prompt has already started them. */
  readonly thoughts: 'none' | 'possible' | 'started';
}

/**
 * Builds the grammar of an answer. Returns `undefined` if the answer is free text.
 *
 * @throws {SchemaError} when a schema is malformed, or no value matches it; for a tool {@link ToolSchemaError}
 */
export function toChatGrammar(options: ChatGrammarOptions): Grammar | undefined {
  const { tools, mustCall, parallel, json, thoughts } = options;
  if (tools.length === 0 && json === undefined) return undefined;
  // Free text is unconstrained until a call starts, so the start of a call triggers the grammar.
  const isTriggered = !mustCall && json === undefined;
  const gbnf = buildGrammar((grammar) => {
    const calls = tools.length === 0 ? [] : [toCallsNode(grammar, tools, { parallel })];
    if (isTriggered) return grammar.addRule('calls', sequence(...calls));
    const startedCalls = calls.map((each) => sequence(literal(callStart), each));
    const texts = mustCall || json === undefined ? [] : [reference(grammar.addSchema(json, 'text'))];
    return grammar.addRule('answer', sequence(toThoughtsNode(thoughts), choice(...startedCalls, ...texts)));
  });
  return { gbnf, ...(isTriggered && { trigger: callStart }) };
}

function toThoughtsNode(thoughts: ChatGrammarOptions['thoughts']): GrammarNode {
  const blanks = repeat(characters(' \n'), 0, 4);
  // Any text without `</`. A `<` before another character is part of the thought.
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
    case 'started':
      return rest;
    default:
      throw thoughts satisfies never;
  }
}
