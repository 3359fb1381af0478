// This project as a subject, through each of its entry points.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { invokePath } from '../../src/server/invoke-path.ts';
import { loopback } from '../../src/server/loopback.ts';
import type { ServerSettings, Subject } from './subject.ts';

const root = new URL('../../', import.meta.url);
const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string };
const entry = fileURLToPath(new URL('infra/entry.sh', root));

function toVariables({ model, threads, slots, contextSize, prefixes = '' }: ServerSettings) {
  return {
    API_KEY: '',
    MODEL_DIR: model.directory,
    PREFIX_DIR: prefixes,
    THREADS: String(threads),
    SLOTS: String(slots),
    CONTEXT_SIZE: String(contextSize),
  };
}

/** The OpenAI-compatible server that `npm start` runs. */
export const ggufLambda: Subject = {
  name: 'gguf-lambda',
  version,
  command: (settings, port) => ({
    program: entry,
    args: ['completion.handler'],
    env: { ...toVariables(settings), HOST: loopback, PORT: String(port) },
  }),
};

/** The same server with more variables. */
export function withVariables(name: string, variables: Readonly<Record<string, string>>): Subject {
  return {
    ...ggufLambda,
    name,
    command: (settings, port, sparePort) => {
      const command = ggufLambda.command(settings, port, sparePort);
      return { ...command, env: { ...command.env, ...variables } };
    },
  };
}

/** The invoke URL of the same server. */
export const invokeUrl: Subject = {
  ...ggufLambda,
  name: 'gguf-lambda, invoke URL',
  completionsPath: invokePath,
};

/** The function on AWS's emulator, without this project's server in front of it. */
export const onEmulator: Subject = {
  name: ggufLambda.name,
  version,
  completionsPath: invokePath,
  command: (settings, port, sparePort) => ({
    ...emulate([entry, 'completion.handler'], port, sparePort),
    env: toVariables(settings),
  }),
};

/** Returns the command that starts the emulator with a runtime. */
export function emulate(
  bootstrap: readonly string[],
  port: number,
  runtimePort: number,
): { readonly program: string; readonly args: readonly string[] } {
  return {
    program: fileURLToPath(new URL('dist/aws-lambda-rie', root)),
    args: [
      '--log-level',
      'error',
      '--runtime-interface-emulator-address',
      `${loopback}:${port}`,
      '--runtime-api-address',
      `${loopback}:${runtimePort}`,
      ...bootstrap,
    ],
  };
}
