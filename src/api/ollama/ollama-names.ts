// The names of fields and paths in Ollama's API, for the errors of the APIs that answer for it.
import { RequestError } from '../../errors/request-error.ts';
import type { RequestContext } from '../../generation/context.ts';
import { askRenamed } from '../renamed-fields.ts';

/** The fields of Ollama's options that OpenAI's API has under the same names. */
const optionNames = [
  'temperature',
  'top_k',
  'top_p',
  'min_p',
  'typical_p',
  'repeat_penalty',
  'repeat_last_n',
  'presence_penalty',
  'frequency_penalty',
  'seed',
  'stop',
  'mirostat',
  'mirostat_tau',
  'mirostat_eta',
];

/** The names of fields in Ollama's API, by those in OpenAI's. */
const names: Readonly<Record<string, string>> = {
  ...Object.fromEntries(optionNames.map((name) => [name, `options.${name}`])),
  max_tokens: 'options.num_predict',
  response_format: 'format',
  reasoning_effort: 'think',
};

const paths: Readonly<Record<string, string>> = {
  '/v1/completions': '/api/generate',
  '/v1/embeddings': '/api/embed',
};

/**
 * Asks one of OpenAI's endpoints.
 *
 * @param more more names of fields, by those in OpenAI's API
 * @throws {RequestError} as `ask` does, with the fields and paths of Ollama's API
 */
export async function askWithNames<Answer>(
  context: RequestContext,
  ask: (context: RequestContext) => Promise<Answer>,
  more: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const known = { ...names, ...more };
  const rename = (path: string) => path.replace(/^[^.]+/, (field) => known[field] ?? field);
  try {
    return await askRenamed(rename, context, ask);
  } catch (error) {
    throw error instanceof RequestError ? withOwnPaths(error) : error;
  }
}

function withOwnPaths({ code, message, param, headers }: RequestError): RequestError {
  const text = message.replaceAll(/\/v1\/\w+/g, (path) => paths[path] ?? path);
  return new RequestError(code, text, { param, headers });
}
