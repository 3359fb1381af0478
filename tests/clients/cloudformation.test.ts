// The CloudFormation of infra/ and of the documents, by cfn-lint, which knows the properties of each type, and by checkov.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findBlock, readText } from '../documents.ts';
import { lint, linterTimeout } from './linters.ts';

const template = 'infra/template.yaml';
const folder = mkdtempSync(join(tmpdir(), 'cloudformation-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe(template, () => {
  it('passes cfn-lint without a warning', { timeout: linterTimeout }, async () => {
    expect(await lint('cfn-lint', template)).toEqual({ code: 0, output: '' });
  });

  it('passes checkov', { timeout: linterTimeout }, async () => {
    const { output } = await lint('checkov', '--config-file', 'infra/checkov.yaml', '--file', template);

    expect(output).toMatch(/Passed checks: [1-9]\d*, Failed checks: 0, Skipped checks: 0/);
  });
});

/** What the documented block refers to. */
const capacityProvider = `
  CapacityProvider:
    Type: AWS::Lambda::CapacityProvider
    Properties:
      VpcConfig:
        SubnetIds: [subnet-0123456789abcdef0]
        SecurityGroupIds: [sg-0123456789abcdef0]
      PermissionsConfig:
        CapacityProviderOperatorRoleArn: arn:aws:iam::123456789012:role/operator
`;

/** The template with more properties of the function for direct invokes. */
function withProperties(properties: string): string {
  const indented = properties.trimEnd().replaceAll(/^/gm, '      ');
  const [before, after] = readText(template).split(
    /(?<=\n {2}CompletionFunction:\n(?: {4}.*\n)*? {4}Properties:\n)/,
  );
  return `${before}${indented}\n${after}`.replace('\nResources:\n', `\nResources:${capacityProvider}`);
}

describe('docs/deploy.md', () => {
  const properties = findBlock('docs/deploy.md', 'yaml', 'CapacityProviderConfig:');
  const lintTemplate = (text: string) => {
    const path = join(folder, 'template.yaml');
    writeFileSync(path, text);
    return lint('cfn-lint', path);
  };

  it('has properties for Managed Instances that the template may have', {
    timeout: linterTimeout,
  }, async () => {
    expect(await lintTemplate(withProperties(properties))).toEqual({ code: 0, output: '' });
  });

  it('would fail with a property that does not exist', { timeout: linterTimeout }, async () => {
    const wrong = properties.replace('MaxConcurrency', 'MaximumConcurrency');

    expect((await lintTemplate(withProperties(wrong))).output).toMatch(
      /'\w+MaximumConcurrency' was unexpected/,
    );
  });
});
