// The commands of this project in README.md and docs/: each runs here as it stands there. Those for AWS run without credentials, so
// that they end once they have read their arguments.
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { documentedCommands } from '../documents.ts';
import { model, modelPath } from '../model/default-model.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'documented-'));
afterAll(() => rmSync(folder, { recursive: true }));

const store = join(folder, 'store');
const catalog = join(folder, 'catalog.json');
cpSync(dirname(modelPath), join(store, model.name), { recursive: true, preserveTimestamps: true });
beforeEach(() => cpSync(join(root, 'models/catalog.json'), catalog));

/** No credentials from the environment, files or the machine. */
const environment: NodeJS.ProcessEnv = {
  PATH: process.env.PATH,
  HOME: folder,
  AWS_REGION: 'eu-central-1',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  // The package manager of this machine.
  npm_config_update_notifier: 'false',
};

/** Names of things that a reader has: each becomes one that is here. */
const replacements: readonly (readonly [string | RegExp, string])[] = [
  [/\bNAME\b/, model.name],
  ['./FILE.gguf', modelPath],
  ['requests.jsonl', 'events/batch.jsonl'],
  ['/tmp/results', join(folder, 'results')],
  ['[--wait]', '--wait'],
];

interface Run {
  readonly code: number;
  readonly output: string;
}

/** A store and a catalog of its own. A start with them would link them into the build. */
const ofModels = { MODEL_STORE: store, MODEL_CATALOG: catalog };

function run(command: string, variables: NodeJS.ProcessEnv = {}): Promise<Run> {
  const text = replacements.reduce((line, [name, value]) => line.replace(name, value), command);
  return new Promise((resolve) => {
    execFile(
      'sh',
      ['-c', text],
      { cwd: root, env: { ...environment, ...variables } },
      (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr }),
    );
  });
}

const commandsOf = (pattern: RegExp) => documentedCommands.filter(({ command }) => pattern.test(command));

describe('a command for models', () => {
  const needsHub = /model -- (?:pin|add hf:)/;

  it.each(commandsOf(/^npm run model/).filter(({ command }) => !needsHub.test(command)))(
    '$document: $command',
    async ({ command }) => {
      const { code, output } = await run(command, ofModels);

      expect(code, output).toBe(0);
    },
  );

  it.each(commandsOf(needsHub))(
    '$document: $command says that the hub cannot be reached, or works',
    async ({ command }) => {
      const { code, output } = await run(
        command.replace('USER/REPO/FILE.gguf', 'user/repository/file.gguf'),
        ofModels,
      );

      expect(output).not.toMatch(/unknown (?:option|command)|missing required/);
      if (code !== 0) expect(output).toMatch(/cannot be (?:fetched|reached)|failed|ENOTFOUND|404|401/);
    },
  );
});

describe('a command for a local batch', () => {
  it.each(commandsOf(/^npm run batch -- local/))('$document: $command', async ({ command }) => {
    expect(await run(command)).toMatchObject({ code: 0 });
    const results = readFileSync(join(folder, 'results/batch.output.jsonl'), 'utf8').trim().split('\n');
    expect(JSON.parse(results[0] ?? '')).toMatchObject({ response: { status_code: 200 } });
  });
});

describe('a command for AWS', () => {
  it.each(commandsOf(/^npm run (?:deploy|destroy|connect|batch -- (?!local))/))(
    '$document: $command asks for credentials, or for a terminal',
    async ({ command }) => {
      const { code, output } = await run(command);

      expect({ code, output }).toMatchObject({
        code: 1,
        output: expect.stringMatching(/credentials|no terminal/),
      });
      expect(output).not.toMatch(/unknown (?:option|command)|missing required/);
    },
  );
});
