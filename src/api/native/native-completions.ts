// POST /completion and POST /infill, in llama-server's own format.
import type { GenerationRequest } from '../../engine/engine.ts';
import { generateChoices, startStream } from '../../generation/choices.ts';
import type { RequestContext } from '../../generation/context.ts';
import { collectChoices } from '../../generation/valid-choices.ts';
import { startCompletion } from '../completions/completions.ts';
import { assertGenerates } from '../generation-request.ts';
import type { ModelService } from '../service.ts';
import { StreamAnswer, unmarkedEvents } from '../stream-answer.ts';
import { toInfillPrompt } from './infill-prompt.ts';
import { NativeChoice } from './native-choice.ts';
import { toInfillRequest, toNativeRequest } from './native-request.ts';

/**
 * Answers POST /completion: with chunks if the request sets `stream`, with a list for several prompts, else with an
 * object.
 *
 * @throws {RequestError} when the request is invalid or does not fit the model
 */
export async function completeNatively(
  given: unknown,
  service: ModelService,
  context: RequestContext,
): Promise<object> {
  const { body, topTokens, responseFields } = toNativeRequest(given);
  const { request, generations, assertValid, grammarFields } = await startCompletion(body, service, context);
  const choiceContext = { ...context, grammarFields };
  const { engine, model } = service;
  const createChoice = (index: number) =>
    new NativeChoice({
      index,
      generation: generations[index] as GenerationRequest,
      model,
      engine,
      topTokens,
      assertValid,
    });
  const select = (answer: object) =>
    responseFields === undefined ? answer : selectFields(answer, responseFields);
  if (request.stream) {
    const choices = generations.map((_, index) => createChoice(index));
    const chunks = await startStream<object>(generateChoices(generations, engine, choiceContext), {
      begin: [],
      toChunks: ({ index, event }) => choices[index]?.toChunks(event) ?? [],
      toEnd: () => [],
    });
    return new StreamAnswer(chunks, unmarkedEvents);
  }
  const choices = await collectChoices(generations, createChoice, engine, choiceContext);
  const answers = choices.map((choice) => select(choice.finish()));
  return answers.length === 1 && answers[0] !== undefined ? answers[0] : answers;
}

/**
 * Answers POST /infill with the text in the gap, as {@link completeNatively}.
 *
 * @throws {RequestError} when the request is invalid, or the model cannot fill in
 */
export async function infill(
  given: unknown,
  service: ModelService,
  context: RequestContext,
): Promise<object> {
  const { gap, rest } = toInfillRequest(given);
  assertGenerates(service);
  const answer = typeof rest.n_predict === 'number' ? rest.n_predict : -1;
  const prompt = await toInfillPrompt(gap, answer, service.engine);
  return completeNatively({ ...rest, prompt }, service, context);
}

/** Returns the fields at some paths, by their last names, as llama-server does. */
function selectFields(answer: object, paths: readonly string[]): object {
  const entries = paths.flatMap((path) => {
    const names = path.split('/');
    const value = names.reduce<unknown>(
      (parent, name) =>
        typeof parent === 'object' && parent !== null && Object.hasOwn(parent, name)
          ? (parent as Record<string, unknown>)[name]
          : undefined,
      answer,
    );
    return value === undefined ? [] : [[names.at(-1), value]];
  });
  return Object.fromEntries(entries);
}
