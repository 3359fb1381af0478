// The requests of Ollama's API. Chats, completions and embeddings validate what their fields become.
// https://docs.ollama.com/api
import * as z from 'zod/mini';
import type { UnsupportedFields } from '../request-body.ts';
import { generationFields } from '../request-fields.ts';

const { typical_p, repeat_penalty, repeat_last_n, presence_penalty, frequency_penalty, seed, stop } =
  generationFields;
const { min_p, mirostat, mirostat_tau, mirostat_eta } = generationFields;

/** Ollama's defaults, where they differ from OpenAI's and the model's makers advise nothing. */
export const samplingDefaults = { temperature: 0.8, top_k: 40, top_p: 0.9 };

const options = z.strictObject({
  num_predict: z
    .optional(z.number())
    .check(z.describe('The most tokens to generate. 0, -1 and -2, the default, are as many as fit.')),
  temperature: z.optional(z.number()).check(z.describe(`Default: ${samplingDefaults.temperature}.`)),
  top_k: z.optional(z.number()).check(z.describe(`Default: ${samplingDefaults.top_k}.`)),
  top_p: z.optional(z.number()).check(z.describe(`Default: ${samplingDefaults.top_p}.`)),
  min_p,
  typical_p,
  repeat_penalty,
  repeat_last_n,
  presence_penalty,
  frequency_penalty,
  seed,
  stop,
  mirostat,
  mirostat_tau,
  mirostat_eta,
});

const model = z
  .optional(z.string())
  .check(z.describe('Any name, with or without a tag. The loaded model answers.'));

const keepAlive = z
  .optional(z.unknown())
  .check(z.describe('Accepted and not used. The model stays loaded as long as the process.'));

const generating = {
  model,
  stream: z
    ._default(z.boolean(), true)
    .check(z.describe('Answers with a line of JSON for each piece of text.')),
  format: z
    .optional(z.union([z.literal('json'), z.record(z.string(), z.unknown())]))
    .check(z.describe('"json", or the JSON Schema that the text must match.')),
  options: z.optional(options).check(z.describe('Sampling options. Others of Ollama are ignored.')),
  think: z
    .optional(z.union([z.boolean(), z.enum(['low', 'medium', 'high', 'max'])]))
    .check(z.describe('Whether a model that thinks does so, and how long.')),
  keep_alive: keepAlive,
  logprobs: z
    ._default(z.boolean(), false)
    .check(z.describe('Returns the log-probabilities of the generated tokens.')),
  top_logprobs: z
    .optional(z.number())
    .check(z.describe('Returns this many likeliest alternatives to each token. Needs logprobs.')),
};

const images = z
  .optional(z.unknown())
  .check(z.describe('A list of images in base64. A model that reads only text refuses them.'));

const any = () => z.optional(z.unknown());

const call = z.strictObject({
  id: any(),
  type: any(),
  function: z.optional(
    z.union([z.strictObject({ index: any(), name: any(), arguments: any() }), z.unknown()]),
  ),
});

const message = z.strictObject({
  role: z.string().check(z.describe('system, user, assistant or tool.')),
  content: z.optional(z.unknown()).check(z.describe('A text.')),
  thinking: any(),
  images,
  tool_calls: z.optional(z.array(z.union([call, z.unknown()]))),
  tool_name: z.optional(z.unknown()).check(z.describe('The function whose result a message of a tool has.')),
  tool_call_id: any(),
  name: any(),
});

export const ollamaChatSchema = z.strictObject({
  ...generating,
  messages: z
    .optional(z.array(message))
    .check(z.describe('The conversation. Without messages, nothing is generated.')),
  tools: z.optional(z.array(z.unknown())).check(z.describe('The functions that the model may call.')),
});

export type OllamaChat = z.output<typeof ollamaChatSchema>;

export type OllamaMessage = NonNullable<OllamaChat['messages']>[number];

export const ollamaGenerateSchema = z.strictObject({
  ...generating,
  prompt: z.optional(z.string()).check(z.describe('A text. Without it, nothing is generated.')),
  suffix: z
    .optional(z.string())
    .check(z.describe('The text that follows the generated text. Only for models that can fill in.')),
  system: z.optional(z.string()).check(z.describe('The system message.')),
  raw: z._default(z.boolean(), false).check(z.describe('Continues the prompt, without a chat template.')),
  images,
});

export type OllamaGenerate = z.output<typeof ollamaGenerateSchema>;

const embedding = { model, keep_alive: keepAlive };

export const ollamaEmbedSchema = z.strictObject({
  ...embedding,
  input: z
    .optional(z.union([z.string(), z.array(z.string())]))
    .check(z.describe('A text or a list of texts. Each must fit the context.')),
  dimensions: z
    .optional(z.number())
    .check(z.describe('The length of each vector. Only a Matryoshka model allows fewer dimensions.')),
});

export const ollamaEmbeddingsSchema = z.strictObject({
  ...embedding,
  prompt: z.optional(z.string()).check(z.describe('A text. It must fit the context.')),
});

export const ollamaShowSchema = z.strictObject({
  model,
  name: z.optional(z.string()).check(z.describe('The old name of model.')),
  verbose: z.optional(z.unknown()).check(z.describe('Accepted and not used.')),
});

/** Fields of Ollama that change nothing here. */
export const unsupportedFields: UnsupportedFields = {
  template: "the server always uses the model's template",
  context: 'send the conversation to /api/chat',
  truncate: 'the server rejects a text that is too long',
  shift: 'the context is never shifted',
};
