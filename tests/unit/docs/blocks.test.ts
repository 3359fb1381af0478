// Every block of code in README.md and the other pages has a test that runs it, or a reason here why none does.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseBatchLine } from '../../../src/batch/batch-line.ts';
import { checkValues, readTemplateParameters } from '../../../tools/deploy/template-parameters.ts';
import { type Block, documentedCommands, pages, readBlocks, readText } from '../../documents.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Which test runs a command. */
const runs: readonly (readonly [RegExp, string])[] = [
  [/^curl /, 'tests/clients/documents.test.ts'],
  [/^npm run (?:model|batch|deploy|destroy|connect)/, 'tests/clients/documented-commands.test.ts'],
  [/^aws |^export API_KEY=/, 'tests/aws/documented-commands.test.ts'],
  [/^docker /, 'tests/container/image.test.ts'],
  [/^sam /, 'tests/container/sam.test.ts'],
  [/^node examples\/private-url/, 'tests/unit/examples.test.ts'],
  [/^(?:export AWS_REGION=|python examples\/private_url)/, 'tests/clients/private-url.test.ts'],
  [/^node examples\//, 'tests/clients/examples.test.ts'],
];

/** Why no test runs a command. */
const reasons: readonly (readonly [RegExp, string])[] = [
  [/^npm start$/, 'it is tools/setup.mjs and infra/entry.sh, which every tier runs'],
  [/^npm test|^\.ci\/run$/, 'it runs the tests'],
  [/^npm run (?:check|coverage|docs)/, '.ci/run and the workflows of .github run it'],
  [/^WRITE_SCREENSHOTS=/, 'it is a test, which writes the pictures then'],
];

const find = (table: typeof runs, command: string) => table.find(([pattern]) => pattern.test(command))?.[1];

describe('the commands of the documents', () => {
  it.each(documentedCommands)('$document: $command', ({ command }) => {
    const test = find(runs, command);
    const reason = find(reasons, command);

    expect([test, reason].filter((each) => each !== undefined)).toHaveLength(1);
    if (test !== undefined) expect(existsSync(`${root}${test}`)).toBe(true);
    else console.log(`NOT RUN: ${command}: ${reason}`);
  });
});

/** Which tests use a block of another language, by how it begins. */
const uses: readonly (readonly [language: string, beginning: RegExp, ...tests: string[]])[] = [
  ['js', /^/, 'tests/clients/documents.test.ts'],
  ['python', /^/, 'tests/clients/documents.test.ts'],
  ['json', /^\{"(?:choices|answers)"/, 'tests/clients/documents.test.ts'],
  ['json', /^\{"custom_id"/, 'tests/unit/docs/blocks.test.ts'],
  ['yaml', /^services:/, 'tests/container/image.test.ts', 'tests/clients/schemas.test.ts'],
  ['yaml', /^CapacityProviderConfig:/, 'tests/clients/cloudformation.test.ts'],
  ['yaml', /^\w+: [^\n]/, 'tests/unit/docs/blocks.test.ts'],
  ['nginx', /^/, 'tests/clients/self-hosting.test.ts'],
  ['caddy', /^/, 'tests/clients/self-hosting.test.ts'],
  ['ini', /^/, 'tests/clients/self-hosting.test.ts'],
];

const others = pages.flatMap(readBlocks).filter(({ language }) => !['sh', ''].includes(language));

describe('the other blocks', () => {
  it.each(others)('$document has a block of $language that a test uses: $text', ({ language, text }) => {
    const found = uses.filter(([name, beginning]) => name === language && beginning.test(text));

    expect(found).toHaveLength(1);
    expect(found[0]?.slice(2).filter((test) => !existsSync(`${root}${test}`))).toEqual([]);
  });

  it.each(others.filter(({ text }) => text.startsWith('{"custom_id"')))(
    '$document shows a line of a batch that is valid',
    ({ text }) => {
      expect(parseBatchLine(Buffer.from(text.trim()))).toMatchObject({ url: '/v1/completions' });
    },
  );

  const isOfEnvironment = ({ language, text }: Block) => language === 'yaml' && /^\w+: [^\n]/.test(text);
  it.each(others.filter(isOfEnvironment))(
    '$document shows parameters that the template has: $text',
    ({ text }) => {
      const declared = readTemplateParameters(readText('infra/template.yaml'));
      const values = parse(text) as Record<string, unknown>;

      checkValues(
        declared,
        Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)])),
        'the page',
      );
    },
  );
});
