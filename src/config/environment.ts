// Typed readers of environment variables. A malformed value is refused by name; only an absent or
// blank one takes the default, so that a typing error never passes for a setting.
import { statSync } from 'node:fs';

/** The environment, as `process.env` has it: values are strings, absent ones `undefined`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A variable whose value cannot be used. The message names the variable, its value and what was expected. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly variable: string;

  constructor(variable: string, value: string, expected: string) {
    super(`${variable}=${JSON.stringify(value)} cannot be used: expected ${expected}.`);
    this.variable = variable;
  }
}

/** The bounds of an integer variable, both included, and its value when the variable is absent. */
export interface IntegerRange<Default> {
  readonly min: number;
  readonly max: number;
  readonly default: Default;
}

/**
 * Reads a whole number written in decimal digits.
 *
 * @throws {ConfigurationError} when the value is not a whole number within the range
 */
export function readInteger<Default extends number | undefined>(
  env: Environment,
  variable: string,
  range: IntegerRange<Default>,
): number | Default {
  const value = env[variable]?.trim();
  if (value === undefined || value === '') return range.default;
  const number = /^-?\d+$/.test(value) ? Number(value) : Number.NaN;
  if (number >= range.min && number <= range.max) return number;
  throw new ConfigurationError(variable, value, `a whole number from ${range.min} to ${range.max}`);
}

/**
 * Reads a whole number, or the word `auto`, which is the default.
 *
 * @throws {ConfigurationError} when the value is neither
 */
export function readIntegerOrAuto(
  env: Environment,
  variable: string,
  { min, max }: { readonly min: number; readonly max: number },
): number | 'auto' {
  const value = readText(env, variable, 'auto');
  if (value === 'auto') return value;
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw new ConfigurationError(variable, value, `auto or a whole number from ${min} to ${max}`);
}

/** Reads a text, without the blanks around it. Returns `fallback` when the variable is absent or blank. */
export function readText<Default extends string | undefined>(
  env: Environment,
  variable: string,
  fallback: Default,
): string | Default {
  const value = env[variable]?.trim();
  return value === undefined || value === '' ? fallback : value;
}

/**
 * Reads a text that must be there.
 *
 * @throws {ConfigurationError} when the variable is absent or blank
 */
export function readRequiredText(env: Environment, variable: string, expected: string): string {
  const value = readText(env, variable, undefined);
  if (value === undefined) throw new ConfigurationError(variable, '', expected);
  return value;
}

/**
 * Reads the path of a folder. Returns undefined when the variable is absent or blank.
 *
 * @throws {ConfigurationError} when there is no such folder
 */
export function readFolder(env: Environment, variable: string): string | undefined {
  const path = readText(env, variable, undefined);
  if (path === undefined || statSync(path, { throwIfNoEntry: false })?.isDirectory()) return path;
  throw new ConfigurationError(variable, path, 'a folder that exists');
}

/**
 * Reads one of several words, the first of which is the default.
 *
 * @throws {ConfigurationError} for any other
 */
export function readChoice<Choice extends string>(
  env: Environment,
  variable: string,
  choices: readonly [Choice, ...Choice[]],
): Choice {
  const value = readText(env, variable, choices[0]);
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  throw new ConfigurationError(
    variable,
    value,
    new Intl.ListFormat('en-GB', { type: 'disjunction' }).format(choices),
  );
}

/**
 * Reads `true` or `false`, which is the default.
 *
 * @throws {ConfigurationError} when the value is neither
 */
export function readFlag(env: Environment, variable: string): boolean {
  return readChoice(env, variable, ['false', 'true']) === 'true';
}

/**
 * Reads names separated by commas. Returns none when the variable is absent or blank.
 *
 * @throws {ConfigurationError} when a name is blank
 */
export function readNames(env: Environment, variable: string): readonly string[] {
  const value = readText(env, variable, undefined);
  const names = value?.split(',').map((name) => name.trim()) ?? [];
  if (value === undefined || !names.includes('')) return [...new Set(names)];
  throw new ConfigurationError(variable, value, 'names separated by commas');
}

/**
 * AWS_LAMBDA_FUNCTION_MEMORY_SIZE: the size of the function, in megabytes. Lambda sets it.
 * @default on a port what the machine and the container have
 *
 * @throws {ConfigurationError} when the value is not a whole number from 1 to 1,000,000
 */
export function readLambdaMegabytes(env: Environment): number | undefined {
  return readInteger(env, 'AWS_LAMBDA_FUNCTION_MEMORY_SIZE', { min: 1, max: 1_000_000, default: undefined });
}
