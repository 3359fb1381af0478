// llama-cpp-python's server. It answers one request at a time.
import { loopback } from '../../src/server/loopback.ts';
import type { Subject } from './subject.ts';

/** `packages` is the folder of the installed Python package. */
export function defineLlamaCppPython(packages: string, version: string): Subject {
  return {
    name: 'llama-cpp-python',
    version,
    command: ({ model, threads, contextSize }, port) => ({
      program: 'python3',
      args: [
        '-m',
        'llama_cpp.server',
        ...Object.entries({
          '--model': model.path,
          '--host': loopback,
          '--port': port,
          '--n_threads': threads,
          '--n_threads_batch': threads,
          '--n_ctx': contextSize,
          // By default a second request interrupts the first one.
          '--interrupt_requests': false,
        }).flatMap(([name, value]) => [name, String(value)]),
      ],
      env: { PYTHONPATH: packages },
    }),
  };
}
