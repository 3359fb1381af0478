import { describe, expect, it } from 'vitest';
import {
  checkValues,
  defaultValues,
  readTemplateParameters,
} from '../../../../tools/deploy/template-parameters.ts';

const declared = readTemplateParameters(`
Parameters:
  Architecture:
    Type: String
    Default: arm64
    AllowedValues: [x86_64, arm64]
  MemorySize:
    Type: Number
    Default: 3538
    MinValue: 512
    MaxValue: 10240
  SnapStart:
    Type: String
    AllowedValues: [true, false]
    Default: false
  ApiKeySecretArn:
    Type: String
    Default: ""
    AllowedPattern: (|arn:aws:secretsmanager:\\S+)
    ConstraintDescription: the ARN of a secret
  PrefixSet:
    Type: String
    MinLength: 2
    MaxLength: 4
    AllowedPattern: "[a-z]+"
Resources:
  Function:
    Type: AWS::Serverless::Function
    Properties:
      Architectures: [!Ref Architecture]
      FunctionName: !Sub "\${AWS::StackName}-x"
`);

describe('readTemplateParameters', () => {
  it("reads the parameters of a template with CloudFormation's tags", () => {
    expect([...declared.keys()]).toEqual([
      'Architecture',
      'MemorySize',
      'SnapStart',
      'ApiKeySecretArn',
      'PrefixSet',
    ]);
  });

  it('reads all defaults as strings', () => {
    expect(defaultValues(declared)).toEqual({
      Architecture: 'arm64',
      MemorySize: '3538',
      SnapStart: 'false',
      ApiKeySecretArn: '',
    });
  });

  it('accepts a template without parameters', () => {
    expect(readTemplateParameters('Resources: {}').size).toBe(0);
  });
});

describe('checkValues', () => {
  it.each([
    { Architecture: 'x86_64', MemorySize: '512', SnapStart: 'true' },
    { MemorySize: '10240', ApiKeySecretArn: 'arn:aws:secretsmanager:eu-central-1:1:secret:key' },
    { ApiKeySecretArn: '', PrefixSet: 'ab' },
    {},
  ])('accepts %o', (values) => {
    expect(() => checkValues(declared, values, '--parameter')).not.toThrow();
  });

  it.each([
    [{ Architecture: 'x86' }, 'Architecture="x86" is invalid: expected x86_64 or arm64.'],
    [{ SnapStart: 'yes' }, 'SnapStart="yes" is invalid: expected true or false.'],
    [{ MemorySize: '511' }, 'MemorySize="511" is invalid: expected at least 512.'],
    [{ MemorySize: '10241' }, 'MemorySize="10241" is invalid: expected at most 10240.'],
    [{ MemorySize: '1e3' }, 'MemorySize="1e3" is invalid: expected a number.'],
    [{ MemorySize: '' }, 'MemorySize="" is invalid: expected a number.'],
    [{ ApiKeySecretArn: 'key' }, 'ApiKeySecretArn="key" is invalid: expected the ARN of a secret.'],
    [{ PrefixSet: 'a' }, 'PrefixSet="a" is invalid: expected at least 2 characters.'],
    [{ PrefixSet: 'abcde' }, 'PrefixSet="abcde" is invalid: expected at most 4 characters.'],
    [{ PrefixSet: 'ab1' }, 'PrefixSet="ab1" is invalid: expected a match of [a-z]+.'],
    [
      { PrefixSet: 'a"b' },
      'PrefixSet="a\\"b" is invalid: expected no quotation mark, backslash or line break.',
    ],
  ])('rejects %o', (values, message) => {
    expect(() => checkValues(declared, values, '--parameter')).toThrow(
      expect.objectContaining({ code: 'unusable-parameter', message: `--parameter: ${message}` }),
    );
  });

  it('lists the known parameters when it rejects an unknown one', () => {
    expect(() => checkValues(declared, { Memory: '512' }, '--parameter')).toThrow(
      expect.objectContaining({
        code: 'unknown-parameter',
        message:
          '--parameter: unknown parameter Memory; the parameters are: Architecture, MemorySize, SnapStart, ApiKeySecretArn, PrefixSet.',
      }),
    );
  });
});
