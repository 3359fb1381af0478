// The endpoints of Ollama's API, loaded by their first request.
import { chatAsOllama } from './ollama-chat.ts';
import { embedAsOllama, embedPromptAsOllama } from './ollama-embed.ts';
import { generateAsOllama } from './ollama-generate.ts';
import { showModel } from './ollama-models.ts';
import {
  ollamaChatSchema,
  ollamaEmbeddingsSchema,
  ollamaEmbedSchema,
  ollamaGenerateSchema,
  ollamaShowSchema,
} from './ollama-request.ts';

export { refuseChange, toRunning, toTags, toVersion } from './ollama-models.ts';

export const chat = { schema: ollamaChatSchema, answer: chatAsOllama };

export const generate = { schema: ollamaGenerateSchema, answer: generateAsOllama };

export const embed = { schema: ollamaEmbedSchema, answer: embedAsOllama };

export const embeddings = { schema: ollamaEmbeddingsSchema, answer: embedPromptAsOllama };

export const show = { schema: ollamaShowSchema, answer: showModel };
