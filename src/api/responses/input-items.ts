// The items of a conversation: those of the request, and those that it names and a store has.
import { RequestError } from '../../errors/request-error.ts';
import { isJsonObject } from '../../json-schema/json-object.ts';
import { isNeutral } from '../known-fields.ts';
import { assertFewItems } from '../request-body.ts';
import { mostItems } from './input-fields.ts';
import type { Item, ResponseStore, StoredItem, StoredResponse } from './response-store.ts';
import type { OwnFields } from './responses-fields.ts';

/** An item, and the field of the request that it comes from. */
export interface InputItem {
  readonly item: unknown;
  readonly path: string;
}

/** A request may refer to items of so many responses that none of the others contains. */
const mostReads = 32;

/**
 * Lists the items of a request.
 *
 * @param store - undefined: the request names no stored response, and no item is replaced
 * @throws {RequestError} for a response or an item that is not stored, and for too many items
 */
export async function toInputItems(
  { input, previous_response_id: previousId }: Pick<OwnFields, 'input' | 'previous_response_id'>,
  store?: ResponseStore,
  signal?: AbortSignal,
): Promise<readonly InputItem[]> {
  const own =
    typeof input === 'string'
      ? [{ item: { role: 'user', content: input }, path: 'input' }]
      : input.map((item, index) => ({ item, path: `input.${index}` }));
  if (store === undefined) return own;
  const previous = previousId === undefined ? undefined : await store.find(previousId, signal);
  if (previousId !== undefined && previous === undefined) throw toPreviousNotFound(previousId);
  const before = previous === undefined ? [] : toConversation(previous);
  const found = await findReferences(own, before, (id) => store.find(id, signal));
  const items = [
    ...before.map((item) => ({ item, path: 'previous_response_id' })),
    ...own.map(({ item, path }) => ({ item: found.get(toReference(item) ?? '') ?? item, path })),
  ];
  assertFewItems({ input: items }, 'input', mostItems);
  return items;
}

/** Gives each item an id that leads to its response, unless it has one. */
export function toStoredItems(items: readonly InputItem[], responseId: string): StoredItem[] {
  return items
    .map(({ item }) => item)
    .filter(isJsonObject)
    .map((item, index) => {
      if (typeof item.id === 'string' && item.id !== '') return { ...item, id: item.id };
      const prefix = prefixes[String(item.type)] ?? 'msg';
      return { ...item, id: toItemId(responseId, prefix, `in${index}`) };
    });
}

/** The beginnings of ids by the type of their item. */
const prefixes: Readonly<Record<string, string>> = {
  reasoning: 'rs',
  function_call: 'fc',
  function_call_output: 'fco',
  custom_tool_call: 'ctc',
  custom_tool_call_output: 'ctco',
};

/** An id of an item contains its response's, so that a reference to it can be followed. */
export function toItemId(responseId: string, prefix: string, place: string | number): string {
  return `${responseId.replace(/^resp/, prefix)}_${place}`;
}

function toResponseId(itemId: string): string | undefined {
  const id = /^[a-z]+(_[^_]+)_[^_]+$/.exec(itemId)?.[1];
  return id === undefined ? undefined : `resp${id}`;
}

/** Returns the id of an item that has nothing else. */
function toReference(item: unknown): string | undefined {
  if (!isJsonObject(item) || typeof item.id !== 'string') return undefined;
  const isReference =
    item.type === 'item_reference' || (isNeutral(item.type ?? null) && item.role === undefined);
  return isReference ? item.id : undefined;
}

/** The last responses are read first: they contain the items of earlier ones. */
async function findReferences(
  items: readonly InputItem[],
  known: readonly StoredItem[],
  read: (id: string) => Promise<StoredResponse | undefined>,
): Promise<ReadonlyMap<string, Item>> {
  const found = new Map<string, Item>(known.map((item) => [item.id, item]));
  let reads = 0;
  for (const { item, path } of items.toReversed()) {
    const id = toReference(item);
    if (id === undefined || found.has(id)) continue;
    const responseId = toResponseId(id);
    reads += responseId === undefined ? 0 : 1;
    const stored = responseId === undefined || reads > mostReads ? undefined : await read(responseId);
    for (const each of stored === undefined ? [] : toConversation(stored)) found.set(each.id, each);
    if (!found.has(id)) throw toItemNotFound(path, reads);
  }
  return found;
}

function toConversation({ input, response }: StoredResponse): StoredItem[] {
  return [...input, ...response.output.map((item) => ({ ...item }))];
}

function toPreviousNotFound(id: string): RequestError {
  return new RequestError(
    'previous_response_not_found',
    `Previous response with id '${id}' not found. It may have expired, or another key has it. Send all items of the conversation as 'input'.`,
    { param: 'previous_response_id' },
  );
}

function toItemNotFound(param: string, reads: number): RequestError {
  const message =
    reads > mostReads
      ? `'${param}' refers to an item, but the items of only ${mostReads} responses may be referred to.`
      : `'${param}' refers to an item that is not stored. It may have expired, or another key has it.`;
  return new RequestError(
    'item_not_found',
    `${message} Send the item itself, as clients do with 'store': false.`,
    { param },
  );
}
