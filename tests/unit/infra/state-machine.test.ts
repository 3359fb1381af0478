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
    const { Parameters } = States.Answer.ItemProcessor.States.AnswerChunk;

    expect(Parameters.Payload).toEqual({
      'batch.$': '$.batch',
      'chunk.$': '$.chunk',
      'endAt.$': '$.endAt',
      'alone.$': '$.answer.alone',
      'retries.$': '$$.State.RetryCount',
      'enteredAt.$': '$$.State.EnteredTime',
    });
    expect(States.Answer.ItemReader.Parameters['Key.$']).toBe('$.split.chunks');
  });
});
