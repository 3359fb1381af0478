import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { chooseParameters, environments, stackNameOf } from '../../../../tools/deploy/settings.ts';

const infra = join(import.meta.dirname, '../../../../infra');

/** Creates a folder with a template and one environment. */
function folderWith(
  environment: string,
  parameters = 'Size: {Type: Number, Default: 1}, Name: {Type: String}',
  name = 'dev',
) {
  const folder = mkdtempSync(join(tmpdir(), 'settings-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'environments'));
  writeFileSync(join(folder, 'template.yaml'), `Parameters: {${parameters}}`);
  writeFileSync(join(folder, `environments/${name}.yaml`), environment);
  return folder;
}

describe('chooseParameters', () => {
  it('overrides the template by the environment, and both by the command line', () => {
    const folder = folderWith('Size: 2\nName: from the environment');

    expect(chooseParameters('dev', [], { folder })).toEqual({ Size: '2', Name: 'from the environment' });
    expect(chooseParameters('dev', ['Name=a=b'], { folder })).toEqual({ Size: '2', Name: 'a=b' });
    expect(chooseParameters('dev', ['Name='], { folder })).toEqual({ Size: '2', Name: '' });
  });

  it('accepts an environment file without values', () => {
    expect(chooseParameters('dev', ['Name=x'], { folder: folderWith('# nothing') })).toEqual({
      Size: '1',
      Name: 'x',
    });
  });

  it.each([
    ['Size', '', '--parameter Size is not of the form Key=Value.'],
    ['=1', '', '--parameter =1 is not of the form Key=Value.'],
    ['Size=x', '', '--parameter: Size="x" is invalid: expected a number.'],
    ['Sise=1', '', '--parameter: unknown parameter Sise; the parameters are: Size, Name.'],
    ['Size=1', '', 'The parameter Name has no value: add --parameter Name=VALUE to the command.'],
    [
      'Name=x',
      'Sise: 1',
      'infra/environments/dev.yaml: unknown parameter Sise; the parameters are: Size, Name.',
    ],
    [
      'Name=x',
      'Size: true',
      'infra/environments/dev.yaml: Size must be a number or a quoted text, such as "true".',
    ],
  ])('rejects %s with %j in the environment', (assignment, environment, message) => {
    expect(() => chooseParameters('dev', [assignment], { folder: folderWith(environment) })).toThrow(message);
  });

  it('rejects a parameter that is given twice', () => {
    expect(() => chooseParameters('dev', ['Name=x', 'Name=y'], { folder: folderWith('') })).toThrow(
      '--parameter Name is given twice: remove one.',
    );
  });
});

describe('the Revision parameter', () => {
  const parameters = 'Size: {Type: Number, Default: 1}, Revision: {Type: String, Default: latest}';

  it('changes when any other value changes', () => {
    const folder = folderWith('', parameters);
    const revision = (...assignments: string[]) => chooseParameters('dev', assignments, { folder }).Revision;

    expect(revision()).toMatch(/^[a-f0-9]{12}$/);
    expect(revision('Size=1')).toBe(revision());
    expect(revision('Size=2')).not.toBe(revision());
  });

  it('is another one for each stack, whose images are on one machine', () => {
    const revisions = environments.flatMap((environment) =>
      ['eu-central-1', 'us-east-1'].map((region) => {
        const folder = folderWith('', parameters, environment);
        return chooseParameters(environment, [], { region, folder }).Revision;
      }),
    );

    expect(new Set(revisions).size).toBe(4);
  });

  it('keeps a value from the command line', () => {
    expect(chooseParameters('dev', ['Revision=mine'], { folder: folderWith('', parameters) }).Revision).toBe(
      'mine',
    );
  });
});

describe("the project's environments", () => {
  const samConfiguration = readFileSync(join(infra, 'samconfig.toml'), 'utf8');

  it.each(environments)('%s has valid values for the template', (environment) => {
    expect(() => chooseParameters(environment, [])).not.toThrow();
  });

  it.each(environments)('%s has the same stack name and file in samconfig.toml', (environment) => {
    expect(samConfiguration).toContain(
      `[${environment}.deploy.parameters]\nstack_name = "${stackNameOf(environment)}"\n`,
    );
    expect(samConfiguration).toContain(
      `parameter_overrides = "file://infra/environments/${environment}.yaml"`,
    );
  });

  it.each([
    ['Model=gpt-5', /^Model="gpt-5" cannot be used: The catalog has no "gpt-5"\. It has: /],
    ['Model=aws-lambda-rie', /is a tool, not a model/],
    [
      'Model=llama-2-7b-chat-q3_k_s',
      /^Model="llama-2-7b-chat-q3_k_s" cannot be used: .* has no pinned hash .* 'npm run model -- fetch llama-2-7b-chat-q3_k_s'/,
    ],
    ['PrefixSet=nowhere', /^PrefixSet="nowhere" is not a folder of models\/prefixes/],
    ['StreamAuth=NONE', /^StreamAuth NONE lets everyone call/],
  ])('rejects %s', (assignment, message) => {
    expect(() => chooseParameters('dev', [assignment])).toThrow(
      expect.objectContaining({ code: 'unusable-parameter', message: expect.stringMatching(message) }),
    );
  });

  it('keep logs longer in prod than in dev', () => {
    expect(chooseParameters('dev', []).LogRetentionDays).toBe('7');
    expect(chooseParameters('prod', []).LogRetentionDays).toBe('90');
  });
});
