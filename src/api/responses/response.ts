// The answer of POST /v1/responses: OpenAI's response object.
import type { RequestError } from '../../errors/request-error.ts';
import type { Timings } from '../../telemetry/timings.ts';
import { toSeconds } from '../completions/completion.ts';
import { isNeutral } from '../known-fields.ts';
import type { SamplingDefaults } from '../sampling.ts';
import type { Usage } from '../usage.ts';
import type { ResponsesRequest } from './chat-body.ts';
import type { OutputItem } from './response-items.ts';

/** The fields of a response that are known before its output. */
export interface ResponseHead {
  readonly id: string;
  readonly object: 'response';
  /** Seconds since 1970. */
  readonly created_at: number;
  readonly model: string;
  /** The settings of the request, with their defaults. */
  readonly [setting: string]: unknown;
}

interface ResponseUsage {
  readonly input_tokens: number;
  /** What the cache keeps is not counted: nothing is charged for it. */
  readonly input_tokens_details: { readonly cached_tokens: number; readonly cache_write_tokens: 0 };
  readonly output_tokens: number;
  readonly output_tokens_details: { readonly reasoning_tokens: number };
  readonly total_tokens: number;
}

export interface Response extends ResponseHead {
  readonly status: 'in_progress' | 'completed' | 'incomplete' | 'failed';
  readonly error: { readonly code: 'server_error'; readonly message: string } | null;
  readonly incomplete_details: { readonly reason: 'max_output_tokens' } | null;
  readonly output: readonly OutputItem[];
  readonly usage: ResponseUsage | null;
  /** As in a chat, at the end of the response. */
  readonly timings?: Timings;
}

export interface ResponseIdentity {
  readonly requestId: string;
  readonly createdAt: Date;
  readonly model: string;
  /** Whether the response is to be stored. */
  readonly isStored: boolean;
  /** The sampling of requests that leave its fields out. Default: OpenAI's. */
  readonly samplingDefaults?: SamplingDefaults | undefined;
}

/** Creates the part of a response that repeats the request. */
export function toResponseHead(
  { fields, shared }: Pick<ResponsesRequest, 'fields' | 'shared'>,
  { requestId, createdAt, model, isStored, samplingDefaults = {} }: ResponseIdentity,
): ResponseHead {
  const given = (name: string) => (isNeutral(shared[name] ?? null) ? undefined : shared[name]);
  const { instructions, max_output_tokens, tools, tool_choice, text, reasoning, truncation, top_logprobs } =
    fields;
  return {
    id: `resp_${requestId.replaceAll('-', '')}`,
    object: 'response',
    created_at: toSeconds(createdAt),
    model,
    access_programs: null,
    background: false,
    instructions: instructions ?? null,
    max_output_tokens: max_output_tokens ?? null,
    max_tool_calls: null,
    metadata: given('metadata') ?? {},
    parallel_tool_calls: given('parallel_tool_calls') ?? true,
    previous_response_id: fields.previous_response_id ?? null,
    prompt_cache_key: given('prompt_cache_key') ?? null,
    reasoning: { effort: reasoning?.effort ?? null, summary: reasoning?.summary ?? null },
    safety_identifier: given('safety_identifier') ?? null,
    service_tier: 'default',
    store: isStored,
    temperature: given('temperature') ?? samplingDefaults.temperature ?? 1,
    text: { format: text?.format ?? { type: 'text' } },
    tool_choice: tool_choice ?? 'auto',
    tools: (tools ?? []).map((tool) => ({
      description: null,
      parameters: null,
      strict: false,
      ...tool,
      type: 'function',
    })),
    top_logprobs: top_logprobs ?? 0,
    top_p: given('top_p') ?? samplingDefaults.top_p ?? 1,
    truncation: truncation ?? 'disabled',
    user: given('user') ?? null,
  };
}

export function toResponseUsage({
  prompt_tokens,
  prompt_tokens_details,
  completion_tokens,
  completion_tokens_details,
  total_tokens,
}: Usage): ResponseUsage {
  return {
    input_tokens: prompt_tokens,
    input_tokens_details: { cached_tokens: prompt_tokens_details.cached_tokens, cache_write_tokens: 0 },
    output_tokens: completion_tokens,
    output_tokens_details: { reasoning_tokens: completion_tokens_details?.reasoning_tokens ?? 0 },
    total_tokens,
  };
}

/** Clients know only some codes, of which this one says that a response failed on the way. */
export function toResponseError({ message }: RequestError): Response['error'] {
  return { code: 'server_error', message };
}
