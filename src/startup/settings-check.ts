// Checks settings of the function while the emulator starts, before the function loads: a refusal is then one line, without what the
// emulator says of a function that does not load. The function itself checks the settings of batches, and CHAT_TEMPLATE, whose names
// llama.cpp knows.
import { readArchiveConfig } from '../config/archive.ts';
import type { Environment } from '../config/environment.ts';
import { readTelemetryConfig } from '../config/telemetry.ts';
import { readCors } from '../http/cors.ts';
import { assertModelFits, needsModel } from './model-memory.ts';

/**
 * @throws {ConfigurationError} when a setting is missing or malformed
 * @throws {InsufficientMemoryError} when the model does not fit
 */
export function assertUsable(env: Environment, handler: string): void {
  readArchiveConfig(env, 'CACHE');
  readArchiveConfig(env, 'RESPONSES');
  readTelemetryConfig(env);
  readCors(env);
  if (needsModel(handler)) assertModelFits(env);
}
