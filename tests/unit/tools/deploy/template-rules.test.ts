import { describe, expect, it } from 'vitest';
import { checkRules } from '../../../../tools/deploy/template-rules.ts';

const template = `
Rules:
  Guarded:
    RuleCondition: !Equals [!Ref Auth, NONE]
    Assertions:
      - Assert: !Not [!Equals [!Ref Key, ""]]
        AssertDescription: Pass Key.
      - Assert: !Or [!Equals [!Ref Limit, 1], !And [!Equals [!Ref Limit, 2], !Equals [!Ref Key, x]]]
        AssertDescription: Pass Limit.
  Always:
    Assertions:
      - Assert: !Not [!Equals [!Ref Name, bad]]
        AssertDescription: Another name.
`;

describe('checkRules', () => {
  it.each([
    { Auth: 'AWS_IAM', Key: '', Limit: '0', Name: 'good' },
    { Auth: 'NONE', Key: 'y', Limit: '1', Name: 'good' },
    { Auth: 'NONE', Key: 'x', Limit: '2', Name: 'good' },
  ])('accepts %o', (values) => {
    expect(() => checkRules(template, values)).not.toThrow();
  });

  it.each([
    [{ Auth: 'NONE', Key: '', Limit: '1', Name: 'good' }, 'Pass Key.'],
    [{ Auth: 'NONE', Key: 'y', Limit: '2', Name: 'good' }, 'Pass Limit.'],
    [{ Auth: 'AWS_IAM', Key: '', Limit: '0', Name: 'bad' }, 'Another name.'],
  ])('rejects %o', (values, message) => {
    expect(() => checkRules(template, values)).toThrow(
      expect.objectContaining({ code: 'unusable-parameter', message }),
    );
  });

  it('accepts a template without rules', () => {
    expect(() => checkRules('Resources: {}', {})).not.toThrow();
  });

  it('throws for an unsupported expression', () => {
    const unknown = 'Rules: {Odd: {Assertions: [{Assert: !Contains [[a], a]}]}}';
    expect(() => checkRules(unknown, {})).toThrow('uses an unsupported expression');
  });
});
