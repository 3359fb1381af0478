// The endpoints in Anthropic's format, loaded by their first request.
import { countTokens, createMessage } from './messages.ts';
import { countTokensSchema, messagesSchema } from './messages-request.ts';
import { findModelInfo, toModelInfoList } from './model-info.ts';

export const messages = { schema: messagesSchema, answer: createMessage };

export const models = { list: toModelInfoList, find: findModelInfo };

export const tokenCount = { schema: countTokensSchema, answer: countTokens };
