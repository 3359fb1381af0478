// Lambda's client context, in which the front tells the function who has sent an invocation.
import type { Context } from 'aws-lambda';
import { isJsonObject } from '../json-schema/json-object.ts';

const field = 'gguf-lambda-caller';

/**
 * Adds a caller's name to a client context, which is JSON in Base64. A context that is not a JSON object is replaced: the
 * function's client could not read it either.
 */
export function toClientContext(given: unknown, caller: unknown): string {
  const context = readObject(typeof given === 'string' ? given : '');
  const custom = { ...toObject(context.custom), [field]: caller };
  return Buffer.from(JSON.stringify({ ...context, custom })).toString('base64');
}

/**
 * Returns the caller's name in a client context. Only behind the front it is the one that the front has added: on Lambda
 * whoever invokes writes the context.
 */
export function findCaller({ clientContext }: Pick<Context, 'clientContext'>): string | undefined {
  const caller = toObject(toObject(clientContext).custom)[field];
  return typeof caller === 'string' ? caller : undefined;
}

function readObject(base64: string): Readonly<Record<string, unknown>> {
  try {
    return toObject(JSON.parse(Buffer.from(base64, 'base64').toString()));
  } catch {
    return {};
  }
}

function toObject(value: unknown): Readonly<Record<string, unknown>> {
  return isJsonObject(value) ? value : {};
}
