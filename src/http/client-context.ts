// Lambda's client context: a JSON object in Base64. In it the front tells the function who has sent an invocation.
import type { Context } from 'aws-lambda';
import { RequestError } from '../errors/request-error.ts';
import { isJsonObject } from '../json-schema/json-object.ts';

type Fields = Readonly<Record<string, unknown>>;

/** The header of an invocation that has the client context. */
export const clientContextHeader = 'x-amz-client-context';

const callerField = 'gguf-lambda-caller';
const emptyContext = Buffer.from('{}').toString('base64');

/**
 * Checks a client context and writes it anew. The emulator passes it on unread, and the runtime ends on one that is not JSON.
 *
 * @throws {RequestError} `invalid_value` when it is not a JSON object in Base64
 */
export function rewriteClientContext(given: string): string {
  return rewrite(given, (context) => context);
}

/**
 * Adds a caller's name to a client context. Without one that is given, the name is alone in it.
 *
 * @throws {RequestError} `invalid_value` when it is not a JSON object in Base64
 */
export function toClientContext(given: unknown, caller: unknown): string {
  const base64 = typeof given === 'string' && given !== '' ? given : emptyContext;
  return rewrite(base64, (context) => {
    const custom = { ...toObject(context.custom), [callerField]: caller };
    return { ...context, custom };
  });
}

/**
 * Returns the caller's name in a client context. Only behind the front it is the one that the front has added: on Lambda
 * whoever invokes writes the context.
 */
export function findCaller({ clientContext }: Pick<Context, 'clientContext'>): string | undefined {
  const caller = toObject(toObject(clientContext).custom)[callerField];
  return typeof caller === 'string' ? caller : undefined;
}

function rewrite(base64: string, change: (context: Fields) => Fields): string {
  try {
    const context: unknown = JSON.parse(Buffer.from(base64, 'base64').toString());
    if (isJsonObject(context)) return Buffer.from(toAsciiJson(change(context))).toString('base64');
  } catch {
    // It is no JSON, or too deep to be written.
  }
  throw new RequestError(
    'invalid_value',
    `The header '${clientContextHeader}' must be a JSON object in Base64, such as ${emptyContext}.`,
  );
}

/** Writes JSON in ASCII, because the runtime gets it as a header. */
function toAsciiJson(value: Fields): string {
  return JSON.stringify(value).replace(
    /[^ -~]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function toObject(value: unknown): Fields {
  return isJsonObject(value) ? value : {};
}
