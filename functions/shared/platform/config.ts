// Everything a function reads from its environment, once.
import { readThreads } from './cpu.ts';
import { ConfigurationError, type Environment, readInteger, readText } from './environment.ts';

export interface FunctionConfig {
  /** MODEL_DIR: the folder with the model and its manifest, `model.json`. */
  readonly modelDirectory: string;
  /** CONTEXT_SIZE: tokens that prompt and answer may hold together. Default 2048; a model may have fewer. */
  readonly contextSize: number;
  /** THREADS: threads that decode. By default as many as the CPU quota holds. */
  readonly threads: number;
}

/** @throws {ConfigurationError} naming the variable that is missing or malformed */
export function readConfig(env: Environment): FunctionConfig {
  const modelDirectory = readText(env, 'MODEL_DIR', undefined);
  if (modelDirectory === undefined) throw new ConfigurationError('MODEL_DIR', '', 'the folder of the model');
  return Object.freeze({
    modelDirectory,
    contextSize: readInteger(env, 'CONTEXT_SIZE', { min: 16, max: 1_048_576, default: 2048 }),
    threads: readThreads(env),
  });
}
