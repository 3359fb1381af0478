// The grammar of a chat's answer: those of native/chat for its format, with changes in their text.
import type { Grammar, ThoughtMarks } from '../engine/engine.ts';
import type { FormatOptions } from './chat-format.ts';
import {
  parseRules,
  toRuleName,
  withoutPreamble,
  withoutUnused,
  withPrefix,
  writeRules,
} from './gbnf-rules.ts';
import { schemaPrefix, schemaRules } from './schema-rules.ts';

/** Plain data, so that a worker thread can write the grammar: with many tools, llama.cpp's has a megabyte. */
export interface AnswerGrammar {
  /** The answer has one of these formats. A lazy grammar covers calls alone. */
  readonly formats: readonly { readonly grammar: string; readonly isLazy: boolean }[];
  /** The schemas of tools and JSON, by {@link schemasToGbnf}. */
  readonly schemas: string;
  readonly toolNames: readonly string[];
  readonly parallel: boolean;
}

/** Compiles the grammar of an answer that has one of these formats, from its start or a trigger on. */
export async function compileAnswer(
  formats: AnswerGrammar['formats'],
  { schemas, tools, parallel, compile }: FormatOptions,
  { prefix, triggers, thoughts }: { prefix: string; triggers: string[]; thoughts: ThoughtMarks | undefined },
): Promise<Grammar | undefined> {
  const [first] = formats;
  if (first === undefined) return undefined;
  const gbnf = await compile({
    formats: formats.map(({ grammar, isLazy }) => ({ grammar, isLazy })),
    schemas,
    toolNames: tools.map((tool) => tool.function.name),
    parallel,
  });
  return first.isLazy ? { gbnf, triggers, ...(thoughts && { thoughts }) } : { gbnf, prefix };
}

/** The alternative of JSON within a fence of Markdown. */
const fencedJson = '"```json" space response-format space "```" | ';

/** Writes the grammar. */
export function writeAnswerGrammar(answer: AnswerGrammar): string {
  const [rules = new Map(), ...others] = answer.formats.map((format) => toRules(format, answer));
  if (others.length === 0) return writeRules(rules);
  const formats = [rules, ...others].map((each, index) => withPrefix(each, `format-${index}-`));
  const root = formats.map((_, index) => `format-${index}-root`).join(' | ');
  return writeRules(new Map([['root', root], ...formats.flatMap((each) => [...each])]));
}

function toRules(
  { grammar, isLazy }: AnswerGrammar['formats'][number],
  { schemas, toolNames, parallel }: AnswerGrammar,
) {
  const theirs = parseRules(grammar);
  const root = theirs.get('root') ?? '';
  if (!isLazy) theirs.set('root', withoutPreamble(root).replace(fencedJson, ''));
  // llama.cpp lets a model that may make one call make several, or none behind the start of one.
  const calls = theirs.get('tool-calls')?.replace('(tool-call? ', '(tool-call ');
  if (calls !== undefined) theirs.set('tool-calls', parallel ? calls : calls.replace(/\)\+$/, ')'));
  const ours = withPrefix(parseRules(schemas), schemaPrefix);
  const rules = new Map([...ours, ...theirs]);
  // Where a family does not write arguments as JSON, there is no such rule, and finished arguments are checked.
  const replace = (name: string, rule: string) => {
    if (theirs.has(name) && ours.has(rule)) rules.set(name, rule);
  };
  for (const [index, name] of toolNames.entries())
    replace(`tool-${toRuleName(name)}-schema`, schemaRules.ofTool(index));
  replace('response-format-schema', schemaRules.ofText);
  return withoutUnused(rules);
}
