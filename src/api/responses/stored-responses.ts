// The endpoints of stored responses: they retrieve and delete one, and list its input.
import { RequestError } from '../../errors/request-error.ts';
import type { RequestContext } from '../../generation/context.ts';
import type { ModelService } from '../service.ts';
import type { Response } from './response.ts';
import {
  openResponseStore,
  type ResponseStore,
  type StoredItem,
  type StoredResponse,
} from './response-store.ts';

interface ItemPage {
  readonly object: 'list';
  readonly data: readonly StoredItem[];
  readonly first_id: string | null;
  readonly last_id: string | null;
  readonly has_more: boolean;
}

/** @throws {RequestError} `response_not_found`, or `unknown_url` where nothing is stored */
export async function retrieveResponse(
  id: string,
  service: ModelService,
  context: RequestContext,
): Promise<Response> {
  return (await find(id, openStore(service, context), context)).response;
}

/** @throws {RequestError} `response_not_found`, or `unknown_url` where nothing is stored */
export async function deleteResponse(
  id: string,
  service: ModelService,
  context: RequestContext,
): Promise<{ id: string; object: 'response'; deleted: true }> {
  const store = openStore(service, context);
  await find(id, store, context);
  await store.remove(id);
  return { id, object: 'response', deleted: true };
}

/**
 * Lists the input of a response, page by page. As in OpenAI's API, the last item comes first unless `order` is `asc`.
 *
 * @throws {RequestError} `response_not_found`, `unknown_url` where nothing is stored, or `invalid_value` for the query
 */
export async function listInputItems(
  id: string,
  query: URLSearchParams,
  service: ModelService,
  context: RequestContext,
): Promise<ItemPage> {
  const { limit, order, after } = parsePage(query);
  const { input } = await find(id, openStore(service, context), context);
  const items = order === 'asc' ? input : input.toReversed();
  const start = after === null ? 0 : items.findLastIndex((item) => item.id === after) + 1;
  if (after !== null && start === 0) throw toInvalidQuery('after', 'the id of an item of the input');
  const data = items.slice(start, start + limit).map(toListedItem);
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: start + limit < items.length,
  };
}

function openStore(service: ModelService, context: RequestContext): ResponseStore {
  const store = openResponseStore(service, context);
  if (store !== undefined) return store;
  throw new RequestError(
    'unknown_url',
    'The server stores no responses. RESPONSES_DIR or RESPONSES_BUCKET makes it store them.',
  );
}

async function find(
  id: string,
  store: ResponseStore,
  { signal }: Pick<RequestContext, 'signal'>,
): Promise<StoredResponse> {
  const found = await store.find(id, signal);
  if (found !== undefined) return found;
  throw new RequestError(
    'response_not_found',
    `Response with id '${id}' not found. It may have expired, or another key has it.`,
  );
}

const mostItems = 100;

function parsePage(query: URLSearchParams): { limit: number; order: 'asc' | 'desc'; after: string | null } {
  const limit = query.get('limit') ?? '20';
  const order = query.get('order') ?? 'desc';
  if (!/^[1-9]\d{0,2}$/.test(limit) || Number(limit) > mostItems)
    throw toInvalidQuery('limit', `a whole number from 1 to ${mostItems}`);
  if (order !== 'asc' && order !== 'desc') throw toInvalidQuery('order', 'asc or desc');
  return { limit: Number(limit), order, after: query.get('after') };
}

function toInvalidQuery(param: string, expected: string): RequestError {
  return new RequestError('invalid_value', `'${param}' must be ${expected}.`, { param });
}

/** Clients expect the type of a message, and its text in parts. */
function toListedItem(item: StoredItem): StoredItem {
  const { type = 'message', content, role } = item;
  if (type !== 'message' || typeof content !== 'string') return { ...item, type };
  const part =
    role === 'assistant'
      ? { type: 'output_text', text: content, annotations: [], logprobs: [] }
      : { type: 'input_text', text: content };
  return { ...item, type, content: [part] };
}
