// GET /openapi.json: the API described by the table of routes and the schemas that check its requests.
import * as z from 'zod/mini';
import type { Endpoint } from './endpoint.ts';

type JsonSchema = Readonly<Record<string, unknown>>;

type Routes = Readonly<Record<string, Readonly<Record<string, Endpoint>>>>;

const errorAnswer = {
  description: "A failure, in OpenAI's shape.",
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

/** The document, in OpenAPI 3.1. Paths in `open` ask for no key. */
export function toOpenApi(routes: Routes, open: ReadonlySet<string>): object {
  const paths = Object.entries(routes).map(([path, methods]) => {
    const parameters = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    }));
    const operations = Object.entries(methods).map(([method, { summary, schema }]) => [
      method.toLowerCase(),
      {
        summary,
        ...(open.has(path) && { security: [] }),
        ...(parameters.length > 0 && { parameters }),
        ...(schema && {
          requestBody: { required: true, content: { 'application/json': { schema: toJsonSchema(schema) } } },
        }),
        responses: { 200: { description: 'The answer.' }, default: errorAnswer },
      },
    ]);
    return [path, Object.fromEntries(operations)];
  });
  return {
    openapi: '3.1.0',
    info: {
      title: 'gguf-lambda',
      version: '0.1.0',
      description: "OpenAI's completions, chat, embeddings and their kind, answered by one GGUF model.",
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }],
    components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
    paths: Object.fromEntries(paths),
  };
}

function toJsonSchema(schema: z.ZodMiniType): object {
  const { $schema: _, properties = {}, ...jsonSchema } = z.toJSONSchema(schema, { io: 'input' });
  const isRequired = (field: string) => jsonSchema.required?.includes(field) ?? false;
  const told = Object.entries(properties as Readonly<Record<string, JsonSchema>>).map(([field, schema]) => [
    field,
    isRequired(field) ? schema : toNullable(schema),
  ]);
  return { ...jsonSchema, properties: Object.fromEntries(told) };
}

/** As in OpenAI's API, a field that is null counts as absent. */
function toNullable({ description, default: given, ...schema }: JsonSchema): object {
  return {
    ...(description !== undefined && { description }),
    ...(given !== undefined && { default: given }),
    anyOf: [schema, { type: 'null' }],
  };
}
