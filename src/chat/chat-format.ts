// The format of a chat's answer: how its text is constrained and parsed, by the model's family.
import type { AppliedTemplate, NativeParser } from '../engine/chat-library.ts';
import type { Grammar, ThoughtMarks } from '../engine/engine.ts';
import { buildGrammar } from '../json-schema/grammar-builder.ts';
import { choice, reference } from '../json-schema/grammar-node.ts';
import { SchemaError } from '../json-schema/schema-error.ts';
import { toArgumentsSchema } from './call-syntax.ts';
import type { ChatReaderOptions } from './chat-reader.ts';
import { type ChatTemplate, isOpened, type RenderedPrompt } from './chat-template.ts';
import type { ChatTool } from './conversation.ts';
import {
  type GbnfRules,
  parseRules,
  toRuleName,
  withoutPreamble,
  withoutUnused,
  withPrefix,
  writeRules,
} from './gbnf-rules.ts';

/** The schema of a tool's arguments is malformed, or no value matches it. */
export class ToolSchemaError extends Error {
  override readonly name = 'ToolSchemaError';
  readonly tool: ChatTool;

  constructor(tool: ChatTool, cause: SchemaError) {
    super(`The parameters of the tool '${tool.function.name}' cannot be used: ${cause.message}`, { cause });
    this.tool = tool;
  }
}

export interface FormatOptions {
  /** The tools that the model may call. */
  readonly tools: readonly ChatTool[];
  /** Whether the model must call a tool. */
  readonly mustCall: boolean;
  /** Whether the model may make several calls in one answer. */
  readonly parallel: boolean;
  /** The schema of the text, or `undefined` for free text. */
  readonly json: unknown;
}

export interface ChatFormat {
  readonly reader: ChatReaderOptions;
  /** Absent: the text is free. */
  readonly grammar: Grammar | undefined;
  /** Control tokens whose texts are parts of the format. */
  readonly marks: readonly string[];
  /** Texts that end the answer. */
  readonly stops: readonly string[];
}

/**
 * Finds the format of the answer to a prompt.
 *
 * @throws {SchemaError} when a schema is malformed, or no value matches it; for a tool {@link ToolSchemaError}
 */
export function findChatFormat(
  template: ChatTemplate,
  rendered: RenderedPrompt,
  { tools, mustCall, parallel, json }: FormatOptions,
): ChatFormat {
  const { abilities } = template;
  const hasSchema = json !== undefined && !mustCall;
  if (tools.length === 0 && abilities.thoughts === undefined) return toPlainFormat(json);
  const find = (options: { tools?: readonly ChatTool[]; mustCall?: boolean; hasSchema?: boolean }) =>
    template.findFormat(rendered, {
      tools: (options.tools ?? []).map(toNativeTool),
      toolChoice: options.mustCall ? 'required' : 'auto',
      parallel,
      hasSchema: options.hasSchema ?? false,
    });
  const schemas = toSchemaRules(tools, json);
  const applied = find({ tools, mustCall, hasSchema: hasSchema && tools.length === 0 });
  const thoughts = toThoughtMarks(applied);
  const marks = [...applied.preservedTokens];
  let grammar = toGrammar(applied, schemas, { parallel, thoughts });
  if (hasSchema && tools.length > 0) {
    // llama.cpp has no grammar for either.
    const calls = toRules(find({ tools, mustCall: true }), schemas, parallel);
    const text = toRules(find({ hasSchema: true }), schemas, parallel);
    const rules = new Map([
      ['root', 'calls-root | text-root'],
      ...withPrefix(calls, 'calls-'),
      ...withPrefix(text, 'text-'),
    ]);
    grammar = { gbnf: writeRules(rules), prefix: applied.generationPrompt };
  }
  return {
    reader: {
      parser: toParser(template, applied),
      thoughts,
      openedThoughts: toOpenedThoughts(applied, thoughts),
      mayCall: tools.length > 0,
      callMarks: toCallMarks(applied),
    },
    grammar,
    marks,
    stops: applied.stops,
  };
}

/** A model that neither thinks nor calls tools writes its content as it is. */
function toPlainFormat(json: unknown): ChatFormat {
  return {
    reader: { parser: undefined, thoughts: undefined, openedThoughts: '', mayCall: false },
    grammar:
      json === undefined ? undefined : { gbnf: buildGrammar((grammar) => grammar.addSchema(json, 'answer')) },
    marks: [],
    stops: [],
  };
}

function toNativeTool({ function: called }: ChatTool): object {
  const { name, description = '' } = called;
  return { type: 'function', function: { name, description, parameters: called.parameters ?? {} } };
}

function toParser(
  template: ChatTemplate,
  { format, generationPrompt, parser }: AppliedTemplate,
): NativeParser {
  return new template.library.ChatParser(format, generationPrompt, parser);
}

function toCallMarks({ isLazy, triggers }: AppliedTemplate): string[] | undefined {
  if (!isLazy || triggers.some(({ type }) => type !== 'word')) return undefined;
  return triggers.map(({ value }) => value.trim());
}

function toThoughtMarks(applied: AppliedTemplate): ThoughtMarks | undefined {
  const { supportsThinking, thinkingStart: start, thinkingEnds: ends, generationPrompt } = applied;
  if (!supportsThinking || start === '') return undefined;
  return { start, ends, hasStarted: isOpened(generationPrompt, { start, ends }) };
}

function toOpenedThoughts({ generationPrompt }: AppliedTemplate, thoughts: ThoughtMarks | undefined): string {
  if (!thoughts?.hasStarted) return '';
  return generationPrompt
    .slice(generationPrompt.lastIndexOf(thoughts.start) + thoughts.start.length)
    .trimStart();
}

/** The names of the rules that llama.cpp's grammars have for schemas, each with the rule of ours that takes its place. */
interface SchemaRules {
  readonly replaced: ReadonlyMap<string, string>;
  readonly rules: GbnfRules;
}

const textRule = 'response-format-schema';

/** The alternative of JSON within a fence of Markdown. */
const fencedJson = '"```json" space response-format space "```" | ';

/** Compiles the schemas. llama.cpp's own compiler leaves out what it does not know. */
function toSchemaRules(tools: readonly ChatTool[], json: unknown): SchemaRules {
  const replaced = new Map<string, string>();
  const gbnf = buildGrammar((grammar) => {
    for (const tool of tools) {
      const rule = addArguments(() => grammar.addSchema(toArgumentsSchema(tool), 'arguments'), tool);
      replaced.set(`tool-${toRuleName(tool.function.name)}-schema`, `schema-${rule}`);
    }
    if (json !== undefined) replaced.set(textRule, `schema-${grammar.addSchema(json, 'text')}`);
    const all = [...replaced.values()].map((rule) => reference(rule.slice('schema-'.length)));
    return grammar.addRule('all', choice(...all));
  });
  const rules = withPrefix(parseRules(gbnf), 'schema-');
  rules.delete('schema-root');
  rules.delete('schema-all');
  return { replaced, rules };
}

function addArguments(add: () => string, tool: ChatTool): string {
  try {
    return add();
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    throw new ToolSchemaError(tool, error);
  }
}

function toGrammar(
  applied: AppliedTemplate,
  schemas: SchemaRules,
  { parallel, thoughts }: { readonly parallel: boolean; readonly thoughts: ThoughtMarks | undefined },
): Grammar | undefined {
  if (applied.grammar === '') return undefined;
  const gbnf = writeRules(toRules(applied, schemas, parallel));
  if (!applied.isLazy) return { gbnf, prefix: applied.generationPrompt };
  const triggers = applied.triggers.map(({ type, value }) =>
    type === 'word' ? value.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&') : value,
  );
  return { gbnf, triggers, ...(thoughts && { thoughts }) };
}

/** llama.cpp's rules for a format with ours for the schemas. */
function toRules({ grammar, isLazy }: AppliedTemplate, schemas: SchemaRules, parallel: boolean): GbnfRules {
  const rules = parseRules(grammar);
  const root = rules.get('root') ?? '';
  if (!isLazy) rules.set('root', withoutPreamble(root).replace(fencedJson, ''));
  // llama.cpp lets a model that may make one call make several, or none behind the start of one.
  const calls = rules.get('tool-calls')?.replace('(tool-call? ', '(tool-call ');
  if (calls !== undefined) rules.set('tool-calls', parallel ? calls : calls.replace(/\)\+$/, ')'));
  for (const [rule, ours] of schemas.replaced) if (rules.has(rule)) rules.set(rule, ours);
  return withoutUnused(new Map([...rules, ...schemas.rules]));
}
