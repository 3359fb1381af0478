// llama.cpp's own server, with its own defaults but for what every subject is told.
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
        // For all slots together.
        '--ctx-size': slots * contextSize,
      }).flatMap(([name, value]) => [name, String(value)]),
    }),
  };
}
