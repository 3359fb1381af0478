// Says what a schema found wrong, in one line that names the field.
import type * as z from 'zod/mini';
import { RequestError } from './errors.ts';

type Issue = z.core.$ZodIssue;

/** The longest value that is quoted back, in characters. */
const longestQuote = 40;

/** Turns the first thing a schema found wrong in `input` into an error that names its field. */
export function toFieldError(error: z.core.$ZodError, input: unknown): RequestError {
  const issue = innermost(error.issues[0]);
  if (issue === undefined) return new RequestError('invalid_value', 'The request is not valid.');
  if (issue.code === 'unrecognized_keys') {
    const name = cut(issue.keys[0] ?? '');
    return new RequestError('unknown_parameter', `'${name}' is not a known parameter.`, { param: name });
  }
  const param = issue.path.join('.');
  const value = issue.path.reduce<unknown>(
    (parent, key) => (parent as Record<PropertyKey, unknown> | undefined)?.[key],
    input,
  );
  if (value === undefined) {
    return new RequestError('missing_required_parameter', `'${param}' is required.`, { param });
  }
  return new RequestError(
    'invalid_value',
    `'${param}' must be ${expectation(issue)}, not ${describe(value)}.`,
    {
      param,
    },
  );
}

/** Of a union, the branch that got furthest says most about what is wrong. */
function innermost(issue: Issue | undefined, path: PropertyKey[] = []): Issue | undefined {
  if (issue === undefined) return undefined;
  const fullPath = [...path, ...issue.path];
  if (issue.code !== 'invalid_union') return { ...issue, path: fullPath };
  const deepest = issue.errors
    .map((branch) => branch[0])
    .filter((inner) => inner !== undefined)
    .filter((inner) => inner.path.length > 0 || inner.code !== 'invalid_type')[0];
  return deepest === undefined ? { ...issue, path: fullPath } : innermost(deepest as Issue, fullPath);
}

function expectation(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected === 'int' ? 'a whole number' : article(issue.expected);
    case 'too_small':
      return issue.origin === 'string'
        ? 'a text that is not empty'
        : `${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`;
    case 'too_big':
      return issue.origin === 'array' ? `a list of at most ${issue.maximum}` : `at most ${issue.maximum}`;
    case 'invalid_union':
      return 'a string or a list of strings';
    default:
      return issue.message;
  }
}

function article(type: string): string {
  return `${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`;
}

/** Numbers and booleans are quoted; texts may be private, and lists and objects are long. */
function describe(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value === null) return 'null';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === 'string' && value === '' ? 'an empty string' : article(typeof value);
}

function cut(text: string): string {
  return text.length <= longestQuote ? text : `${text.slice(0, longestQuote)}…`;
}
