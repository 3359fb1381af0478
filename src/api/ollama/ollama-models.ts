// Descriptions of the one model in Ollama's format, and the refusal to change it.
import { RequestError } from '../../errors/request-error.ts';
import type { RequestContext } from '../../generation/context.ts';
import { assertModel } from '../generation-request.ts';
import { parseFields } from '../request-body.ts';
import type { ModelService } from '../service.ts';
import { toModelName, toTaggedName } from './ollama-fields.ts';
import { ollamaShowSchema } from './ollama-request.ts';

/** The version of Ollama whose API this is. Clients compare it with what they need. */
const ollamaVersion = '0.24.0';

/** A GGUF has no date. */
const modifiedAt = '1970-01-01T00:00:00Z';

/** When Ollama unloads a model that it was told to keep for ever: about 292 years from now. */
const neverUnloadedAt = '2318-01-01T00:00:00Z';

export function toVersion(): object {
  return { version: ollamaVersion };
}

/** Lists the model under each of its names, as GET /api/tags does. */
export function toTags(service: ModelService): object {
  return {
    models: toNames(service).map((name) => ({
      ...toModel(name, service),
      modified_at: modifiedAt,
      capabilities: toCapabilities(service),
    })),
  };
}

/** Lists the model as a loaded one, as GET /api/ps does. */
export function toRunning(service: ModelService): object {
  const running = {
    expires_at: neverUnloadedAt,
    size_vram: 0,
    context_length: service.engine.contextSize,
  };
  return {
    models: toNames(service)
      .slice(0, 1)
      .map((name) => ({ ...toModel(name, service), ...running })),
  };
}

/**
 * Describes the model, as POST /api/show does.
 *
 * @throws {RequestError} when a field is invalid, or under the strict rule when the model has another name
 */
export function showModel(given: unknown, service: ModelService, { foreignFields }: RequestContext): object {
  const { model, name } = parseFields(ollamaShowSchema, {}, given, foreignFields);
  assertModel(toModelName(model ?? name, service), service);
  const { engine, file, chatTemplate } = service;
  const { architecture = 'unknown', parameters } = file ?? {};
  const { vocabularySize, embeddingSize } = engine.properties;
  return {
    license: file?.licence ?? '',
    modelfile: `FROM ${toTaggedName(service.model)}\n`,
    parameters: `num_ctx                        ${engine.contextSize}`,
    template: chatTemplate?.source ?? '',
    details: toDetails(service),
    model_info: {
      'general.architecture': architecture,
      ...(parameters !== undefined && { 'general.parameter_count': parameters }),
      // Clients cut their prompts to it, so it is the context of this server, not that of the training.
      [`${architecture}.context_length`]: engine.contextSize,
      [`${architecture}.embedding_length`]: embeddingSize,
      [`${architecture}.vocab_size`]: vocabularySize,
    },
    capabilities: toCapabilities(service),
    modified_at: modifiedAt,
  };
}

/**
 * Refuses a request that would change the model.
 *
 * @throws {RequestError} always
 */
export function refuseChange(service: ModelService): never {
  throw new RequestError(
    'model_is_baked',
    `This server has one model, '${toTaggedName(service.model)}', which is baked into its image. To change it, build the image ` +
      'with another model.',
    { param: 'model' },
  );
}

function toNames({ model, modelAliases = [] }: ModelService): string[] {
  return [model, ...modelAliases].map(toTaggedName);
}

function toModel(name: string, service: ModelService): object {
  const { engine, file } = service;
  return {
    name,
    model: name,
    size: file?.bytes ?? engine.properties.size,
    digest: file?.sha256 ?? '',
    details: toDetails(service),
  };
}

function toDetails({ file, engine }: ModelService): object {
  return {
    parent_model: '',
    format: 'gguf',
    family: file?.architecture ?? '',
    families: file === undefined ? [] : [file.architecture],
    parameter_size: file === undefined ? '' : toShortNumber(file.parameters),
    quantization_level: file?.quantisation ?? '',
    context_length: engine.contextSize,
    embedding_length: engine.properties.embeddingSize,
  };
}

/** Writes a number of weights as Ollama does, such as 134.52M. */
function toShortNumber(parameters: number): string {
  const short = parameters < 1e9 ? (parameters / 1e6).toFixed(2) : (parameters / 1e9).toFixed(1);
  return `${Number(short)}${parameters < 1e9 ? 'M' : 'B'}`;
}

/** https://docs.ollama.com/api-reference/show-model-details */
function toCapabilities({ engine, chatTemplate, embedder }: ModelService): string[] {
  const generates = engine.slots > 0;
  const capabilities: [string, boolean][] = [
    ['completion', generates],
    ['tools', generates && chatTemplate !== undefined],
    ['thinking', generates && (chatTemplate?.thinks ?? false)],
    ['insert', generates && engine.toInfillPrompt('', '') !== undefined],
    ['embedding', embedder?.ability.type === 'embed'],
  ];
  return capabilities.flatMap(([name, isOne]) => (isOne ? [name] : []));
}
