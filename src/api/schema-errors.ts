// Converts the issues that a schema finds to an error message that names the field.
import type * as z from 'zod/mini';
import { RequestError } from '../errors/request-error.ts';

type Issue = z.core.$ZodIssue;

/** The longest key of a path that an error quotes, in characters. */
const longestQuote = 40;

/** Converts the first issue of a schema with `input` to an error that names its field. */
export function toFieldError(error: z.core.$ZodError, input: unknown): RequestError {
  const issue = innermost(error.issues[0]);
  if (issue === undefined) return new RequestError('invalid_value', 'The request is invalid.');
  const param = toParam(issue.path);
  const value = issue.path.reduce<unknown>(
    (parent, key) => (parent as Record<PropertyKey, unknown> | undefined)?.[key],
    input,
  );
  if (value === undefined) {
    return new RequestError('missing_required_parameter', `'${param}' is required.`, { param });
  }
  if (issue.code === 'invalid_key') {
    const [key] = issue.issues;
    return new RequestError('invalid_value', `The key of '${param}' must be ${key?.message}.`, { param });
  }
  const actual =
    issue.code === 'invalid_format' ? '' : `, not ${isChoice(issue) ? quote(value) : describe(value)}`;
  return new RequestError('invalid_value', `'${param}' must be ${expectation(issue)}${actual}.`, { param });
}

/** The error for a field that is not in the schema. */
export function toUnknownField(path: readonly PropertyKey[]): RequestError {
  const param = toParam(path);
  return new RequestError('unknown_parameter', `Unknown parameter '${param}'.`, { param });
}

/**
 * Finds the most telling issue of a union: the one of the branch that matched furthest. A branch that only
 * exceeds a limit comes first.
 */
function innermost(issue: Issue | undefined, path: PropertyKey[] = []): Issue | undefined {
  if (issue === undefined) return undefined;
  const fullPath = [...path, ...issue.path];
  if (issue.code !== 'invalid_union') return { ...issue, path: fullPath };
  const [furthest] = issue.errors
    .flatMap((branch) => branch.slice(0, 1))
    .filter((inner) => inner.path.length > 0 || inner.code !== 'invalid_type')
    .toSorted(
      (one, other) => Number(isLimit(other)) - Number(isLimit(one)) || comparePaths(other.path, one.path),
    );
  return furthest === undefined ? { ...issue, path: fullPath } : innermost(furthest, fullPath);
}

function isLimit({ code }: Issue): boolean {
  return code === 'too_big' || code === 'too_small' || code === 'invalid_format';
}

/** Orders paths by depth, then by the position of their items. */
function comparePaths(one: readonly PropertyKey[], other: readonly PropertyKey[]): number {
  if (one.length !== other.length) return one.length - other.length;
  const differing = one.findIndex((key, index) => key !== other[index]);
  return Number(one[differing] ?? 0) - Number(other[differing] ?? 0) || 0;
}

function expectation(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return article(issue.expected);
    case 'too_small':
      return issue.origin === 'string'
        ? 'a non-empty string'
        : `${issue.origin === 'array' ? 'a list of ' : ''}${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`;
    case 'too_big':
      return issue.origin === 'array' ? `a list of at most ${issue.maximum}` : `at most ${issue.maximum}`;
    case 'invalid_union': {
      if ('options' in issue) return toChoices(issue.options as readonly unknown[]);
      const kinds = issue.errors.flatMap(([inner]) =>
        inner?.code === 'invalid_type' ? [inner.expected] : [],
      );
      return kinds.length === 0 ? 'one of the allowed values' : [...new Set(kinds.map(article))].join(' or ');
    }
    case 'invalid_value':
      return toChoices(issue.values);
    case 'invalid_format':
    case 'invalid_key':
      return issue.code === 'invalid_key' ? expectation(issue.issues[0] as Issue) : issue.message;
    default:
      return issue.message;
  }
}

function toChoices(values: readonly unknown[]): string {
  return values.map((value) => JSON.stringify(value)).join(' or ');
}

function article(type: string): string {
  if (type === 'array') return 'a list';
  if (type === 'int') return 'a whole number';
  if (type === 'record') return 'an object';
  if (type === 'null') return 'null';
  return `${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`;
}

/** Describes a value. Quotes only numbers and booleans, because strings may be private and objects long. */
function describe(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value === null) return 'null';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === 'string' && value === '' ? 'an empty string' : article(typeof value);
}

/** Whether the field has one of a few words, which are no private text. */
function isChoice(issue: Issue): boolean {
  return issue.code === 'invalid_union' && 'options' in issue;
}

function quote(value: unknown): string {
  return typeof value === 'string' && /^[\w.-]+$/.test(value) ? JSON.stringify(cut(value)) : describe(value);
}

/** Formats a path. Shortens its keys, because the client chooses them. */
function toParam(path: readonly PropertyKey[]): string {
  return path.map((key) => cut(String(key))).join('.');
}

function cut(text: string): string {
  return text.length <= longestQuote ? text : `${text.slice(0, longestQuote)}…`;
}
