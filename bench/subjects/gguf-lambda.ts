// This project, as `npm start` runs it.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loopback } from '../../local/loopback.ts';
import type { Subject } from './subject.ts';

const root = new URL('../../', import.meta.url);
const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string };

export const ggufLambda: Subject = {
  name: 'gguf-lambda',
  version,
  command: ({ model, threads, slots, contextSize }, port) => ({
    program: fileURLToPath(new URL('infra/entry.sh', root)),
    args: ['completion.handler'],
    env: {
      HOST: loopback,
      PORT: String(port),
      API_KEY: '',
      MODEL_DIR: model.directory,
      THREADS: String(threads),
      SLOTS: String(slots),
      CONTEXT_SIZE: String(contextSize),
    },
  }),
};
