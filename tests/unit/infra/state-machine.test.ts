// Checks the state machine against the rules of the Amazon States Language.
import { readFileSync } from 'node:fs';
// @ts-expect-error: the package has no types.
import untyped from 'asl-validator';
import { describe, expect, it } from 'vitest';

const validate = untyped as (definition: object) => { errorsText(): string };
const source = readFileSync('infra/batch.asl.json', 'utf8');

/** Reads the definition and replaces the template's substitutions by their names. */
function readDefinition() {
  return JSON.parse(source.replaceAll(/\$\{(\w+)\}/g, (_, name) => (name === 'Partition' ? 'aws' : name)));
}

describe('the batch state machine', () => {
  it('is valid', () => {
    expect(validate(readDefinition()).errorsText()).toBe('');
  });

  it('is invalid when a state is missing', () => {
    expect(validate({ ...readDefinition(), StartAt: 'Elsewhere' }).errorsText()).toContain('Elsewhere');
  });

  it('uses exactly the substitutions of the template', () => {
    const template = readFileSync('infra/template.yaml', 'utf8');
    const [, substitutions = ''] = /DefinitionSubstitutions:\n((?: {8}.*\n)+)/.exec(template) ?? [];
    const given = [...substitutions.matchAll(/^ {8}(\w+):/gm)].map(([, name]) => name);
    const used = [...source.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name);

    expect(new Set(used)).toEqual(new Set(given));
  });

  it('passes only byte ranges, no prompts', () => {
    const { States } = readDefinition();
    const { AnswerChunk, AnswerCarefully } = States.Answer.ItemProcessor.States;
    const chunk = {
      'batch.$': '$.batch',
      'chunk.$': '$.chunk',
      'endAt.$': '$.endAt',
      'alone.$': '$.answer.alone',
    };

    expect(AnswerChunk.Parameters.Payload).toEqual(chunk);
    expect(AnswerCarefully.Parameters.Payload).toEqual({
      ...chunk,
      'carefulSince.$': '$$.State.EnteredTime',
    });
    expect(States.Answer.ItemReader.Parameters['Key.$']).toBe('$.split.chunks');
  });

  it('answers chunks carefully after crashes but not after throttling', () => {
    const { AnswerChunk, AnswerCarefully, CountAnswers } =
      readDefinition().States.Answer.ItemProcessor.States;
    const errors = (handlers: { ErrorEquals: string[] }[]) => handlers.flatMap((each) => each.ErrorEquals);
    const nextOf = (handlers: { Next: string }[]) => handlers.map(({ Next }) => Next);
    const bothErrors = ['Lambda.TooManyRequestsException', 'States.ALL'];

    // RetryCount includes the retries after throttling.
    expect(source).not.toContain('$$.State.RetryCount');
    for (const state of [AnswerChunk, AnswerCarefully]) expect(errors(state.Retry)).toEqual(bothErrors);
    for (const state of [AnswerChunk, AnswerCarefully, CountAnswers])
      expect(state.Catch[0]).toEqual({
        ErrorEquals: bothErrors.slice(0, 1),
        ResultPath: null,
        Next: 'IsInTime',
      });
    expect(errors(AnswerChunk.Catch)).toEqual(bothErrors);
    expect(nextOf(AnswerChunk.Catch)).toEqual(['IsInTime', 'BeginCarefully']);
    // A chunk has two normal attempts and seven careful ones.
    expect([AnswerChunk, AnswerCarefully].map(({ Retry }) => 1 + Retry[1].MaxAttempts)).toEqual([2, 7]);
  });

  it('answers carefully once, and again only while lines get results', () => {
    const { BeginCarefully, AnswerCarefully, CountAnswers, HasProgressed, ContinueCarefully } =
      readDefinition().States.Answer.ItemProcessor.States;

    expect(AnswerCarefully.Catch[1]).toMatchObject({ ErrorEquals: ['States.ALL'], Next: 'CountAnswers' });
    expect(BeginCarefully).toMatchObject({ Result: { answered: -1 }, ResultPath: '$.before' });
    expect(CountAnswers).toMatchObject({ ResultPath: '$.after', Next: 'HasProgressed' });
    expect(HasProgressed).toMatchObject({
      Choices: [
        {
          Variable: '$.after.answered',
          NumericGreaterThanPath: '$.before.answered',
          Next: 'ContinueCarefully',
        },
      ],
      Default: 'Failed',
    });
    expect(ContinueCarefully).toMatchObject({ InputPath: '$.after', ResultPath: '$.before' });
  });

  it('has the same task for careful and normal answers except for its parameters and errors', () => {
    const { AnswerChunk, AnswerCarefully } = readDefinition().States.Answer.ItemProcessor.States;
    const toCommon = ({ Comment, Catch, Parameters, Retry, ...state }: typeof AnswerChunk) => ({
      ...state,
      function: Parameters.FunctionName,
      throttled: { retry: Retry[0], catch: Catch[0] },
      caught: Catch.map(({ ErrorEquals }: { ErrorEquals: string[] }) => ErrorEquals),
    });

    expect(toCommon(AnswerCarefully)).toEqual(toCommon(AnswerChunk));
  });
});
