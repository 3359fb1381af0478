// The field tool_choice: whether the model may or must call functions, and which ones.
import * as z from 'zod/mini';
import { assertTogether } from '../request-body.ts';

/** Mistral's and Anthropic's clients say `any` for `required`. */
const modes = z.enum(['none', 'auto', 'required', 'any']);

const named = z.strictObject({ name: z.string() });

const oneFunction = z.strictObject({ type: z.literal('function'), function: named });

export const toolChoiceField = z
  .optional(
    z.union([
      modes,
      oneFunction,
      // The shapes of OpenAI's Responses API and of Anthropic's API.
      z.strictObject({ type: z.enum(['function', 'tool']), name: z.string() }),
      z.strictObject({ type: modes }),
      z.strictObject({
        type: z.literal('allowed_tools'),
        allowed_tools: z.strictObject({
          mode: z.enum(['auto', 'required']),
          tools: z.array(
            z.strictObject({ type: z._default(z.literal('function'), 'function'), function: named }),
          ),
        }),
      }),
    ]),
  )
  .check(
    z.describe(
      'Whether the model may or must call functions, and which ones. Default: auto if there are tools.',
    ),
  );

/** In OpenAI's shape, without a list of allowed functions. */
export type ToolChoice = 'none' | 'auto' | 'required' | z.output<typeof oneFunction>;

interface Tool {
  readonly function: { readonly name: string };
}

/** The choice, and the functions that it leaves. */
export interface ChosenTools<Kind extends Tool> {
  readonly tool_choice?: ToolChoice;
  readonly tools?: Kind[];
}

/** @throws {RequestError} `invalid_value` when the choice asks for a function that is not in `tools`, or for any of none */
export function chooseTools<Kind extends Tool>(
  choice: z.output<typeof toolChoiceField>,
  tools: Kind[] = [],
): ChosenTools<Kind> {
  if (choice === undefined) return {};
  const { tool_choice, names } = toNames(choice);
  const isKnown = (name: string) => tools.some((tool) => tool.function.name === name);
  assertTogether(
    names.every(isKnown),
    'tool_choice',
    "'tool_choice' names a function that is not in 'tools'.",
  );
  const isList = typeof choice === 'object' && choice.type === 'allowed_tools';
  const callable = isList ? tools.filter((tool) => names.includes(tool.function.name)) : tools;
  assertTogether(
    callable.length > 0 || tool_choice === 'none' || tool_choice === 'auto',
    'tool_choice',
    "'tool_choice' requires a call, but there are no 'tools' to call.",
  );
  return isList ? { tool_choice, tools: callable } : { tool_choice };
}

function toNames(choice: NonNullable<z.output<typeof toolChoiceField>>): {
  tool_choice: ToolChoice;
  names: string[];
} {
  if (typeof choice === 'string') return { tool_choice: toMode(choice), names: [] };
  if ('function' in choice) return { tool_choice: choice, names: [choice.function.name] };
  if ('name' in choice) {
    const { name } = choice;
    return { tool_choice: { type: 'function', function: { name } }, names: [name] };
  }
  if (choice.type !== 'allowed_tools') return { tool_choice: toMode(choice.type), names: [] };
  const { mode, tools } = choice.allowed_tools;
  return { tool_choice: mode, names: tools.map((tool) => tool.function.name) };
}

function toMode(mode: z.output<typeof modes>): 'none' | 'auto' | 'required' {
  return mode === 'any' ? 'required' : mode;
}
