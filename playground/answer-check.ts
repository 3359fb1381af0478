// Checks a finished answer by the schema that was asked for, in the browser too: a person sees it, and need not believe it.
import { type Schema, Validator } from '@cfworker/json-schema';

export interface Check {
  readonly ok: boolean;
  readonly message: string;
}

/** Checks a text of JSON. `schema` is a text of JSON too. */
export function checkJson(text: string, schema: string): Check {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, message: 'Not JSON. It may have been cut: raise max_tokens.' };
  }
  const { valid, errors } = new Validator(JSON.parse(schema) as Schema, '2020-12').validate(value);
  if (valid) return { ok: true, message: 'Checked: it matches the schema.' };
  const last = errors.at(-1);
  return { ok: false, message: `It does not match the schema: ${last?.instanceLocation} ${last?.error}` };
}

/** Checks the arguments of a call by the tool's schema, in a list of tools as a text of JSON. */
export function checkCall(name: string, args: string, tools: string): Check {
  const list = JSON.parse(tools) as { function?: { name?: string; parameters?: object } }[];
  const tool = list.find((each) => each.function?.name === name);
  if (tool === undefined) return { ok: false, message: `There is no tool '${name}'.` };
  return checkJson(args, JSON.stringify(tool.function?.parameters ?? {}));
}
