// The errors that a caller can receive, in OpenAI's shape, on Lambda and on port 8000.
// One table maps each code to its status and type.

const codes = {
  invalid_json: { status: 400, type: 'invalid_request_error' },
  invalid_value: { status: 400, type: 'invalid_request_error' },
  missing_required_parameter: { status: 400, type: 'invalid_request_error' },
  unknown_parameter: { status: 400, type: 'invalid_request_error' },
  unsupported_parameter: { status: 400, type: 'invalid_request_error' },
  unsupported_schema: { status: 400, type: 'invalid_request_error' },
  // Only Ollama's clients ask for a change of the model.
  model_is_baked: { status: 400, type: 'invalid_request_error' },
  insufficient_memory: { status: 400, type: 'invalid_request_error' },
  context_length_exceeded: { status: 400, type: 'invalid_request_error' },
  invalid_api_key: { status: 401, type: 'invalid_request_error' },
  host_not_allowed: { status: 403, type: 'invalid_request_error' },
  origin_not_allowed: { status: 403, type: 'invalid_request_error' },
  model_not_found: { status: 404, type: 'invalid_request_error' },
  // As OpenAI answers for responses that it does not have.
  previous_response_not_found: { status: 400, type: 'invalid_request_error' },
  response_not_found: { status: 404, type: 'invalid_request_error' },
  item_not_found: { status: 404, type: 'invalid_request_error' },
  response_store_unavailable: { status: 503, type: 'server_error' },
  unknown_url: { status: 404, type: 'invalid_request_error' },
  method_not_allowed: { status: 405, type: 'invalid_request_error' },
  request_too_large: { status: 413, type: 'invalid_request_error' },
  unsupported_media_type: { status: 415, type: 'invalid_request_error' },
  // Only the server on port 8000 answers these: it has Lambda's limits and the errors of a socket.
  payload_too_large: { status: 400, type: 'invalid_request_error' },
  malformed_http: { status: 400, type: 'invalid_request_error' },
  request_timeout: { status: 408, type: 'invalid_request_error' },
  headers_too_large: { status: 431, type: 'invalid_request_error' },
  queue_full: { status: 429, type: 'rate_limit_error' },
  runtime_exited: { status: 502, type: 'server_error' },
  shutting_down: { status: 503, type: 'server_error' },
  rate_limit_exceeded: { status: 429, type: 'rate_limit_error' },
  token_budget_exceeded: { status: 429, type: 'rate_limit_error' },
  server_busy: { status: 429, type: 'rate_limit_error' },
  // Only invocations answer this: Lambda and the emulator take no longer result.
  response_too_large: { status: 400, type: 'invalid_request_error' },
  deadline_exceeded: { status: 504, type: 'server_error' },
  // Only the lines of a batch have these.
  environment_ended: { status: 500, type: 'server_error' },
  duplicate_custom_id: { status: 400, type: 'invalid_request_error' },
  invalid_output: { status: 500, type: 'server_error' },
  api_key_unavailable: { status: 503, type: 'server_error' },
  server_error: { status: 500, type: 'server_error' },
} as const satisfies Record<string, { status: number; type: string }>;

export type ErrorCode = keyof typeof codes;

/** The body of a failed HTTP answer. `param` names the field of the request that caused the error. */
export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: ErrorCode;
  };
}

/** A failure that the caller caused and can fix. The caller receives its message, so it quotes no prompt. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly code: ErrorCode;
  readonly param: string | null;
  /** Extra headers of the HTTP answer, such as `allow`. Default: none. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ErrorCode,
    message: string,
    {
      param = null,
      headers = {},
    }: { param?: string | null; headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message);
    this.code = code;
    this.param = param;
    this.headers = headers;
  }

  get status(): number {
    return codes[this.code].status;
  }

  toBody(): ErrorBody {
    const { message, param, code } = this;
    return { error: { message, type: codes[code].type, param, code } };
  }
}

/**
 * Converts a failure for the caller. Anything but a `RequestError` becomes a `server_error` without
 * internals.
 */
export function toRequestError(error: unknown): RequestError {
  if (error instanceof RequestError) return error;
  return new RequestError('server_error', 'The server failed to answer. Its log has the reason.');
}
