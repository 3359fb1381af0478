// The endpoints in Anthropic's format, loaded by their first request.
import { countTokens, createMessage } from './messages.ts';
import { countTokensSchema, messagesSchema } from './messages-request.ts';

export const messages = { schema: messagesSchema, answer: createMessage };

export const tokenCount = { schema: countTokensSchema, answer: countTokens };
