// The request of POST /v1/decisions, with OpenAI's fields.
import * as z from 'zod/mini';
import { RequestError } from '../../errors/request-error.ts';
import type { ForeignFields } from '../../generation/foreign-fields.ts';
import { parseFields } from '../request-body.ts';
import { nonEmptyText } from '../request-fields.ts';

/** OpenAI's limits. */
const mostQuestions = 400;
const mostChoices = 255;

/** The most choices and levels of all questions. Each of several tokens is evaluated. */
const mostAnswers = 2048;

/** The most messages and calls. More fit no context. */
const mostItems = 2048;

const any = () => z.optional(z.unknown());

const cacheHint = { prompt_cache_breakpoint: any() };
const textPart = z.strictObject({ type: z.literal('input_text'), text: z.string(), ...cacheHint });
const imagePart = z.strictObject({
  type: z.literal('input_image'),
  image_url: any(),
  detail: any(),
  ...cacheHint,
});
const jsonPart = z.strictObject({
  type: z.literal('input_json'),
  data: z.union([z.record(z.string(), z.unknown()), z.array(z.unknown())]),
});
const part = z.discriminatedUnion('type', [textPart, imagePart, jsonPart]);

const outputPart = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('output_text'), text: z.string(), annotations: any(), logprobs: any() }),
  z.strictObject({ type: z.literal('refusal'), refusal: z.string() }),
]);

const messageType = z.optional(z.literal('message'));
const itemFields = { id: any(), status: any() };

const item = z.union([
  z.strictObject({
    role: z.literal('user'),
    content: z.union([z.string(), z.array(part)]),
    type: messageType,
    ...itemFields,
  }),
  z.strictObject({
    role: z.enum(['system', 'developer']),
    content: z.union([z.string(), z.array(textPart)]),
    type: messageType,
    ...itemFields,
  }),
  z.strictObject({
    role: z.literal('assistant'),
    content: z.union([z.string(), z.array(outputPart)]),
    phase: any(),
    type: messageType,
    ...itemFields,
  }),
  z.strictObject({
    type: z.literal('function_call'),
    call_id: nonEmptyText(),
    name: nonEmptyText(),
    arguments: z.string(),
    namespace: any(),
    ...itemFields,
  }),
  z.strictObject({
    type: z.literal('custom_tool_call'),
    call_id: nonEmptyText(),
    name: nonEmptyText(),
    input: z.string(),
    namespace: any(),
    ...itemFields,
  }),
  z.strictObject({
    type: z.enum(['function_call_output', 'custom_tool_call_output']),
    call_id: nonEmptyText(),
    output: z.union([z.string(), z.array(z.discriminatedUnion('type', [textPart, imagePart]))]),
    ...itemFields,
  }),
]);

/** A message, a call of a tool or its output. */
export type DecisionItem = z.output<typeof item>;

/** The name of a choice or a level. */
function answerText() {
  return z.string().check(z.refine((text) => text.trim() !== '', 'a text that is not blank'));
}

const questionFields = {
  instructions: z.union([nonEmptyText(), z.array(part).check(z.minLength(1))]),
  name: z.optional(z.string()),
};

const description = z.optional(z.string());

const question = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('predicate'), ...questionFields }),
  z.strictObject({
    type: z.literal('choice'),
    choices: z
      .array(z.strictObject({ value: z.union([answerText(), z.boolean()]), description }))
      .check(z.minLength(2), z.maxLength(mostChoices)),
    ...questionFields,
  }),
  z.strictObject({
    type: z.literal('score'),
    levels: z
      .array(z.strictObject({ label: answerText(), description }))
      .check(z.minLength(2), z.maxLength(mostChoices)),
    ...questionFields,
  }),
]);

export type Question = z.output<typeof question>;

export type QuestionPart = z.output<typeof part>;

const notUsed = (why: string) => z.optional(z.unknown()).check(z.describe(`Accepted and not used. ${why}`));

export const decisionsRequestSchema = z.strictObject({
  model: z.optional(z.string()).check(z.describe('Any name. The loaded model answers.')),
  input: z
    .union([nonEmptyText(), z.array(item).check(z.minLength(1), z.maxLength(mostItems))])
    .check(z.describe('What the questions are about: a text, or messages and calls of tools.')),
  questions: z
    .array(question)
    .check(
      z.minLength(1),
      z.maxLength(mostQuestions),
      z.describe(
        'predicate: is the statement true? choice: which of the choices? score: which of the ordered levels? The questions have at ' +
          `most ${mostAnswers} choices and levels together.`,
      ),
    ),
  prompt_cache_key: notUsed('The server finds cached prompts itself.'),
  prompt_cache_options: notUsed('The server finds cached prompts itself.'),
  safety_identifier: notUsed('The server records nothing about users.'),
});

/** A validated decisions request. */
export type DecisionsRequest = z.output<typeof decisionsRequestSchema>;

/**
 * Parses the body of a decisions request.
 *
 * @throws {RequestError} with the name of the field that is missing or invalid, or foreign under the strict rule
 */
export function parseDecisionsRequest(body: unknown, foreign?: ForeignFields): DecisionsRequest {
  const request = parseFields(decisionsRequestSchema, {}, body, foreign);
  for (const [index, each] of request.questions.entries()) {
    if (each.type === 'choice')
      assertDistinct(
        each.choices.map(({ value }) => value),
        `questions.${index}.choices`,
      );
    if (each.type === 'score')
      assertDistinct(
        each.levels.map(({ label }) => label),
        `questions.${index}.levels`,
      );
  }
  const answers = request.questions.reduce((sum, each) => sum + countAnswers(each), 0);
  if (answers > mostAnswers) {
    throw new RequestError(
      'invalid_value',
      `The questions have ${answers} choices and levels together; the limit is ${mostAnswers}. Send fewer questions at once.`,
      { param: 'questions' },
    );
  }
  return request;
}

function countAnswers(each: Question): number {
  switch (each.type) {
    case 'predicate':
      return 0;
    case 'choice':
      return each.choices.length;
    case 'score':
      return each.levels.length;
    default:
      return each satisfies never;
  }
}

/** A text and a boolean of the same letters are distinct. */
function assertDistinct(values: readonly (string | boolean)[], path: string): void {
  const names = values.map((value) => (typeof value === 'string' ? value.trim() : value));
  const second = names.findIndex((name, index) => names.indexOf(name) < index);
  if (second < 0) return;
  const param = `${path}.${second}`;
  throw new RequestError('invalid_value', `'${param}' repeats an earlier one. Send each once.`, { param });
}
