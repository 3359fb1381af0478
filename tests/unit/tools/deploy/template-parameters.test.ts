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

describe('the parameters of a template', () => {
  it('are read beside the tags of CloudFormation', () => {
    expect([...declared.keys()]).toEqual([
      'Architecture',
      'MemorySize',
      'SnapStart',
      'ApiKeySecretArn',
      'PrefixSet',
    ]);
  });

  it('have their own values as texts', () => {
    expect(defaultValues(declared)).toEqual({
      Architecture: 'arm64',
      MemorySize: '3538',
      SnapStart: 'false',
      ApiKeySecretArn: '',
    });
  });

  it('may be none', () => {
    expect(readTemplateParameters('Resources: {}').size).toBe(0);
  });
});

describe('values', () => {
  it.each([
    { Architecture: 'x86_64', MemorySize: '512', SnapStart: 'true' },
    { MemorySize: '10240', ApiKeySecretArn: 'arn:aws:secretsmanager:eu-central-1:1:secret:key' },
    { ApiKeySecretArn: '', PrefixSet: 'ab' },
    {},
  ])('suit: %o', (values) => {
    expect(() => checkValues(declared, values, '--parameter')).not.toThrow();
  });

  it.each([
    [{ Architecture: 'x86' }, 'Architecture="x86" cannot be used: expected x86_64 or arm64.'],
    [{ SnapStart: 'yes' }, 'SnapStart="yes" cannot be used: expected true or false.'],
    [{ MemorySize: '511' }, 'MemorySize="511" cannot be used: expected at least 512.'],
    [{ MemorySize: '10241' }, 'MemorySize="10241" cannot be used: expected at most 10240.'],
    [{ MemorySize: '1e3' }, 'MemorySize="1e3" cannot be used: expected a number.'],
    [{ MemorySize: '' }, 'MemorySize="" cannot be used: expected a number.'],
    [{ ApiKeySecretArn: 'key' }, 'ApiKeySecretArn="key" cannot be used: expected the ARN of a secret.'],
    [{ PrefixSet: 'a' }, 'PrefixSet="a" cannot be used: expected at least 2 characters.'],
    [{ PrefixSet: 'abcde' }, 'PrefixSet="abcde" cannot be used: expected at most 4 characters.'],
    [{ PrefixSet: 'ab1' }, 'PrefixSet="ab1" cannot be used: expected what matches [a-z]+.'],
    [
      { PrefixSet: 'a"b' },
      'PrefixSet="a\\"b" cannot be used: expected no quotation mark, backslash or line break.',
    ],
  ])('do not suit: %o', (values, message) => {
    expect(() => checkValues(declared, values, '--parameter')).toThrow(
      expect.objectContaining({ code: 'unusable-parameter', message: `--parameter: ${message}` }),
    );
  });

  it('of an unknown name are refused with the known ones', () => {
    expect(() => checkValues(declared, { Memory: '512' }, '--parameter')).toThrow(
      expect.objectContaining({
        code: 'unknown-parameter',
        message:
          '--parameter: there is no parameter Memory. There is: Architecture, MemorySize, SnapStart, ApiKeySecretArn, PrefixSet.',
      }),
    );
  });
});
