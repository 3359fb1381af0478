// The format of an answer whose calls have forms of src/chat/call-forms.ts.
import type { CallFormatInputs } from '../engine/chat-library.ts';
import { isJsonObject } from '../json-schema/json-object.ts';
import { compileAnswer } from './answer-grammar.ts';
import { type CallFormat, toTriggers } from './call-forms.ts';
import type { ChatFormat, FormatOptions } from './chat-format.ts';
import type { ChatTemplate, RenderedPrompt } from './chat-template.ts';
import type { ChatTool } from './conversation.ts';
import { schemaRules } from './schema-rules.ts';
import { toThoughtMarks } from './template-abilities.ts';

/** Builds the format. There are tools. */
export async function toFormFormat(
  template: ChatTemplate,
  { generationPrompt }: RenderedPrompt,
  callFormat: CallFormat,
  options: FormatOptions,
): Promise<ChatFormat> {
  const { tools, mustCall, parallel, isJson } = options;
  const names = tools.map((tool) => tool.function.name);
  const isLazy = !mustCall && !isJson;
  const thoughts = toThoughtMarks(template.abilities.thoughts, generationPrompt);
  // The start of the thoughts is all of the prompt that the parser and the grammar need.
  const prefix = thoughts?.hasStarted ? thoughts.start : '';
  const inputs: CallFormatInputs = {
    forms: callFormat.forms.map((form) => ({ ...form, start: form.start.trim(), end: form.end.trim() })),
    tools: toShortRules(tools.map(toArguments)).map((listed, index) => ({
      name: names[index] ?? '',
      rule: schemaRules.ofTool(index),
      arguments: listed,
    })),
    mustCall,
    parallel,
    textRule: isJson && !mustCall ? schemaRules.ofText : '',
    readsBareJson: callFormat.readsBareJson ?? false,
    thoughtsStart: thoughts?.start ?? '',
    thoughtsEnds: thoughts?.ends ?? [],
  };
  const parser = await template.toCallParser(inputs, prefix);
  const formats = [{ grammar: parser.grammar, isLazy }];
  const triggers = toTriggers(callFormat, names);
  return {
    reader: {
      parser,
      thoughts,
      mayCall: true,
      callMarks: triggers.map((trigger) => new RegExp(`^${trigger}`)),
      firstArguments: new Map(inputs.tools.map((tool) => [tool.name, tool.arguments[0]?.name ?? ''])),
    },
    grammar: await compileAnswer(formats, options, { prefix, triggers, thoughts }),
    marks: [...callFormat.marks, ...(thoughts ? [thoughts.start, ...thoughts.ends] : [])],
    stops: callFormat.stops ?? [],
  };
}

type Arguments = CallFormatInputs['tools'][number]['arguments'];

/** The most arguments in the rules of all tools together. The text of a grammar may have 256 KiB. */
const mostArguments = 16_384;

/**
 * Leaves out the arguments of tools whose rules would be too long, so that these may have any. A rule lists the arguments that may
 * follow each one that may be the first.
 */
function toShortRules(tools: readonly Arguments[]): Arguments[] {
  let total = 0;
  return tools.map((listed) => {
    const length = listed.some(({ isRequired }) => isRequired) ? listed.length : listed.length ** 2;
    if (total + length > mostArguments) return [];
    total += length;
    return listed;
  });
}

function toArguments({ function: { parameters } }: ChatTool): Arguments {
  const { properties, required } = parameters ?? {};
  if (!isJsonObject(properties)) return [];
  const names = new Set(Array.isArray(required) ? required : []);
  return Object.entries(properties).map(([name, schema]) => {
    const type = isJsonObject(schema) ? schema.type : undefined;
    return { name, type: typeof type === 'string' ? type : '', isRequired: names.has(name) };
  });
}
