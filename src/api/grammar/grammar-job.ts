// The grammars that requests ask for, and how each is compiled. Jobs are plain data, so that a worker thread can take them.
import { type AnswerGrammar, writeAnswerGrammar } from '../../chat/answer-grammar.ts';
import { type ChatSchemas, schemasToGbnf, ToolSchemaError } from '../../chat/schema-rules.ts';
import type { Grammar } from '../../engine/engine.ts';
import { RequestError } from '../../errors/request-error.ts';
import { schemaToGbnf } from '../../json-schema/json-schema-grammar.ts';
import { patternToGbnf } from '../../json-schema/pattern-grammar.ts';
import { SchemaError } from '../../json-schema/schema-error.ts';
import { textsToGbnf } from '../../json-schema/text-choice.ts';
import { GrammarTooLargeError } from '../../json-schema/write-gbnf.ts';

/** `param` is the field of the request that the grammar comes from. */
export type GrammarJob = { readonly param: string } & (
  | { readonly kind: 'schema'; readonly schema: unknown }
  | { readonly kind: 'pattern'; readonly source: string }
  | { readonly kind: 'texts'; readonly texts: readonly string[] }
  | {
      readonly kind: 'chat';
      /** Those that the answer may have. */
      readonly schemas: ChatSchemas;
      /** Those of all tools of the request, in its order. */
      readonly toolNames: readonly string[];
    }
  | { readonly kind: 'answer'; readonly answer: AnswerGrammar }
);

/**
 * Compiles a grammar on this thread. Returns `undefined` when nothing constrains the text, or no grammar can.
 *
 * @throws {RequestError} `unsupported_schema` or `invalid_value` when it cannot be compiled
 */
export function compileJob(job: GrammarJob): Grammar | undefined {
  try {
    return compile(job);
  } catch (error) {
    throw toRequestError(error, job);
  }
}

function compile(job: GrammarJob): Grammar | undefined {
  switch (job.kind) {
    case 'schema':
      return { gbnf: schemaToGbnf(job.schema) };
    case 'pattern': {
      const gbnf = patternToGbnf(job.source);
      return gbnf === undefined ? undefined : { gbnf };
    }
    case 'texts':
      return { gbnf: textsToGbnf(job.texts) };
    case 'chat':
      return { gbnf: schemasToGbnf(job.schemas) };
    case 'answer':
      return { gbnf: writeAnswerGrammar(job.answer) };
    default:
      throw job satisfies never;
  }
}

function toRequestError(error: unknown, job: GrammarJob): unknown {
  const { kind, param } = job;
  if (error instanceof ToolSchemaError) {
    const { name } = error.tool.function;
    const place = kind === 'chat' ? job.toolNames.indexOf(name) : 0;
    return new RequestError('unsupported_schema', error.message, {
      param: `tools.${place}.function.parameters`,
    });
  }
  if (error instanceof SchemaError) {
    return kind === 'pattern'
      ? new RequestError('invalid_value', `'${param}' must be a regular expression of JavaScript.`, { param })
      : new RequestError('unsupported_schema', `The schema in '${param}' cannot be used: ${error.message}`, {
          param,
        });
  }
  if (error instanceof GrammarTooLargeError && kind === 'texts')
    return new RequestError('invalid_value', `The texts of '${param}' are too long. Send fewer.`, { param });
  return error;
}
