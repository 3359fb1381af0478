// Converts fields of Ollama's requests to those of OpenAI's API.
import type { ForeignFields } from '../../generation/foreign-fields.ts';
import { assertFewItems } from '../request-body.ts';
import type { ModelService } from '../service.ts';
import { type OllamaChat, type OllamaGenerate, samplingDefaults } from './ollama-request.ts';

/**
 * Converts the options to the fields of a chat or a completion. As in Ollama, a model's own parameters precede the defaults.
 */
function toSamplingFields(
  given: OllamaChat['options'],
  { samplingDefaults: advice }: ModelService,
): Record<string, unknown> {
  const { num_predict: limit = -1, ...sampling } = given ?? {};
  return { ...samplingDefaults, ...advice, ...sampling, max_tokens: limit > 0 ? limit : -1 };
}

/** Converts the fields that chats and completions share. */
export function toSharedFields(
  { model, stream, format, options }: OllamaChat | OllamaGenerate,
  service: ModelService,
) {
  return {
    model: toModelName(model, service),
    stream,
    ...(stream && { stream_options: { include_usage: true } }),
    ...toSamplingFields(options, service),
    ...(format === 'json' && { response_format: { type: 'json_object' } }),
    ...(typeof format === 'object' && {
      response_format: { type: 'json_schema', json_schema: { schema: format } },
    }),
  };
}

const efforts: Readonly<Record<string, string>> = { true: 'medium', false: 'none', max: 'xhigh' };

/** Converts `think` to the effort of a chat. It is ignored where nothing `thinks`. */
export function toEffort(
  think: OllamaChat['think'],
  thinks: boolean,
  foreign: ForeignFields | undefined,
): { reasoning_effort?: string } {
  if (think === undefined) return {};
  if (thinks) return { reasoning_effort: efforts[String(think)] ?? String(think) };
  if (think !== false)
    foreign?.leaveOut('think', "'think' is not supported: this model does not think. Leave it out.");
  return {};
}

/** The tag of a name without one. */
const defaultTag = ':latest';

/** Names a model as Ollama lists it: with a tag. */
export function toTaggedName(name: string): string {
  return name.includes(':') ? name : name + defaultTag;
}

/** Removes the tag that clients add to the names of models. */
export function toModelName(
  name: string | undefined,
  { modelAliases = [] }: ModelService,
): string | undefined {
  if (name === undefined || modelAliases.includes(name) || !name.endsWith(defaultTag)) return name;
  return name.slice(0, -defaultTag.length);
}

/** OpenAI's limit of messages and of texts to embed. No prompt has more images. */
export const mostItems = 2048;

/** Adds images to a text. A chat reads none of them: it has a note for each, or refuses them. */
export function withImages(content: unknown, images: unknown): unknown {
  if (!Array.isArray(images)) return content;
  assertFewItems({ images }, 'images', mostItems);
  const parts = Array.isArray(content) ? content : [{ type: 'text', text: content }];
  return [...parts, ...images.map(() => ({ type: 'image_url' }))];
}
