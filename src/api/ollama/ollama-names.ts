// The names of fields and paths in Ollama's API, for the errors of the APIs that answer for it.
import { RequestError } from '../../errors/request-error.ts';

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
  '/v1/completions': '/api/generate',
  '/v1/embeddings': '/api/embed',
};

/**
 * Asks one of OpenAI's endpoints.
 *
 * @param more more names, by those in OpenAI's API
 * @throws {RequestError} as `ask` does, with the names that Ollama's clients know
 */
export async function askWithNames<Answer>(
  ask: () => Promise<Answer>,
  more: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  try {
    return await ask();
  } catch (error) {
    throw error instanceof RequestError ? rename(error, { ...names, ...more }) : error;
  }
}

function rename({ code, message, param, headers }: RequestError, known: typeof names): RequestError {
  const toName = (path: string) => path.replace(/^[^.]+/, (field) => known[field] ?? field);
  const text = message
    .replaceAll(/'([\w.]+)'/g, (_, path: string) => `'${toName(path)}'`)
    .replaceAll(/\/v1\/\w+/g, (path) => known[path] ?? path);
  return new RequestError(code, text, { param: param === null ? null : toName(param), headers });
}
