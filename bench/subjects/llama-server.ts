// llama.cpp's own server with its defaults, except for the settings that all subjects share.
import { loopback } from '../../src/server/loopback.ts';
import type { Subject } from './subject.ts';

export function defineLlamaServer(program: string, version: string): Subject {
  return {
    name: 'llama-server',
    version,
    command: ({ model, threads, slots, contextSize }, port) => ({
      program,
      args: Object.entries({
        '--model': model.path,
        '--host': loopback,
        '--port': port,
        '--threads': threads,
        '--parallel': slots,
        // The size for all slots together.
        '--ctx-size': slots * contextSize,
      }).flatMap(([name, value]) => [name, String(value)]),
    }),
  };
}
