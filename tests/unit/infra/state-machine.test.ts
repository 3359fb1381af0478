// The state machine's definition, by the rules of the Amazon States Language.
import { readFileSync } from 'node:fs';
// @ts-expect-error: it has no types.
import untyped from 'asl-validator';
import { describe, expect, it } from 'vitest';

const validate = untyped as (definition: object) => { errorsText(): string };
const source = readFileSync('infra/batch.asl.json', 'utf8');

/** With names in the place of what the template puts in. */
function readDefinition() {
  return JSON.parse(source.replaceAll(/\$\{(\w+)\}/g, (_, name) => (name === 'Partition' ? 'aws' : name)));
}

describe('the state machine of batches', () => {
  it('is valid', () => {
    expect(validate(readDefinition()).errorsText()).toBe('');
  });

  it('is not valid when a state is not there', () => {
    expect(validate({ ...readDefinition(), StartAt: 'Elsewhere' }).errorsText()).toContain('Elsewhere');
  });

  it('has all its names put in by the template', () => {
    const template = readFileSync('infra/template.yaml', 'utf8');
    const [, substitutions = ''] = /DefinitionSubstitutions:\n((?: {8}.*\n)+)/.exec(template) ?? [];
    const given = [...substitutions.matchAll(/^ {8}(\w+):/gm)].map(([, name]) => name);
    const used = [...source.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name);

    expect(new Set(used)).toEqual(new Set(given));
  });

  it('tells no prompt: only where lines are passes through it', () => {
    const { States } = readDefinition();
    const { AnswerChunk, AnswerCarefully } = States.Answer.ItemProcessor.States;
    const chunk = { 'batch.$': '$.batch', 'chunk.$': '$.chunk', 'endAt.$': '$.endAt' };

    expect(AnswerChunk.Parameters.Payload).toEqual({ ...chunk, 'alone.$': '$.answer.alone' });
    expect(AnswerCarefully.Parameters.Payload).toEqual({
      ...chunk,
      'carefulSince.$': '$$.State.EnteredTime',
    });
    expect(States.Answer.ItemReader.Parameters['Key.$']).toBe('$.split.chunks');
  });

  it('has chunks answered with care when environments died, and not when they were throttled', () => {
    const { AnswerChunk, AnswerCarefully } = readDefinition().States.Answer.ItemProcessor.States;
    const errors = (handlers: { ErrorEquals: string[] }[]) => handlers.flatMap((each) => each.ErrorEquals);
    const bothErrors = ['Lambda.TooManyRequestsException', 'States.ALL'];

    // It counts the retries for throttling too.
    expect(source).not.toContain('$$.State.RetryCount');
    for (const state of [AnswerChunk, AnswerCarefully]) expect(errors(state.Retry)).toEqual(bothErrors);
    expect(errors(AnswerChunk.Catch)).toEqual(bothErrors);
    expect(AnswerChunk.Catch.map(({ Next }: { Next: string }) => Next)).toEqual([
      'IsInTime',
      'AnswerCarefully',
    ]);
    // A chunk has nine invocations that may fail, the first two of them without care.
    expect([AnswerChunk, AnswerCarefully].map(({ Retry }) => 1 + Retry[1].MaxAttempts)).toEqual([2, 7]);
  });

  it('has chunks answered with care as they are without, but for how it goes on', () => {
    const { AnswerChunk, AnswerCarefully } = readDefinition().States.Answer.ItemProcessor.States;
    const toCommon = ({ Comment, Catch, Parameters, Retry, ...state }: typeof AnswerChunk) => ({
      ...state,
      function: Parameters.FunctionName,
      throttled: Retry[0],
    });

    expect(toCommon(AnswerCarefully)).toEqual(toCommon(AnswerChunk));
  });
});
