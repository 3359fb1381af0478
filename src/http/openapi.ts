// Generates the OpenAPI document from the table of routes and the schemas that validate requests.
import * as z from 'zod/mini';
import { RequestError } from '../errors/request-error.ts';
import { findApiForm, openAiForm } from './api-form.ts';
import type { Endpoint } from './endpoint.ts';

type JsonSchema = Readonly<Record<string, unknown>>;

type Routes = Readonly<Record<string, Readonly<Record<string, Endpoint>>>>;

const errorAnswer = {
  description: "An error in OpenAI's format.",
  content: {
    'application/json': {
      schema: {
        type: 'object',
        required: ['error'],
        properties: {
          error: {
            type: 'object',
            required: ['message', 'type', 'param', 'code'],
            properties: {
              message: { type: 'string' },
              type: { type: 'string' },
              param: { type: ['string', 'null'] },
              code: { type: 'string' },
            },
          },
        },
      },
    },
  },
};

/** An API with errors in a form of its own shows one. */
function toErrorAnswer(path: string): object {
  const form = findApiForm(path, {});
  if (form === openAiForm) return errorAnswer;
  const example = form.toErrorBody(new RequestError('invalid_value', 'The reason.'), 'id');
  return { description: "An error in the API's own format.", content: { 'application/json': { example } } };
}

/** Generates the document in OpenAPI 3.1. The paths in `open` need no API key. */
export async function toOpenApi(routes: Routes, open: ReadonlySet<string>): Promise<object> {
  const paths = Object.entries(routes).map(async ([path, methods]) => {
    const ofPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    }));
    const operations = Object.entries(methods).map(async ([method, endpoint]) => {
      const { summary, schema: given, query = {} } = endpoint;
      const ofQuery = Object.entries(query).map(([name, description]) => ({
        name,
        in: 'query',
        description,
        schema: { type: 'string' },
      }));
      const parameters = [...ofPath, ...ofQuery];
      const schema = typeof given === 'function' ? await given() : given;
      return [
        method.toLowerCase(),
        {
          summary,
          ...(open.has(path) && { security: [] }),
          ...(parameters.length > 0 && { parameters }),
          ...(schema && {
            requestBody: {
              required: true,
              content: { 'application/json': { schema: toJsonSchema(schema) } },
            },
          }),
          responses: { 200: { description: 'Success.' }, default: toErrorAnswer(path) },
        },
      ];
    });
    return [path, Object.fromEntries(await Promise.all(operations))];
  });
  return {
    openapi: '3.1.0',
    info: {
      title: 'gguf-lambda',
      version: '0.1.0',
      description: "One GGUF model behind OpenAI's API for completions, chat, responses and embeddings.",
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }, { apiKey: [] }],
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' },
      },
    },
    paths: Object.fromEntries(await Promise.all(paths)),
  };
}

function toJsonSchema(schema: z.ZodMiniType): object {
  const {
    $schema: _,
    properties = {},
    ...jsonSchema
  } = z.toJSONSchema(schema, {
    io: 'input',
    // Foreign fields are ignored.
    override: ({ jsonSchema: part }) => {
      if (part.additionalProperties === false) delete part.additionalProperties;
    },
  });
  const isRequired = (field: string) => jsonSchema.required?.includes(field) ?? false;
  const fields = Object.entries(properties as Readonly<Record<string, JsonSchema>>).map(([field, schema]) => [
    field,
    isRequired(field) ? schema : toNullable(schema),
  ]);
  return { ...jsonSchema, properties: Object.fromEntries(fields) };
}

/** Allows null, because a field that is null counts as absent, as in OpenAI's API. */
function toNullable({ description, default: defaultValue, ...schema }: JsonSchema): object {
  return {
    ...(description !== undefined && { description }),
    ...(defaultValue !== undefined && { default: defaultValue }),
    anyOf: [schema, { type: 'null' }],
  };
}
