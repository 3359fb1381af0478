// Rules for numbers: bounds and decimals.
import type { Assertions } from './assertions.ts';
import { numbersBetween } from './digit-ranges.ts';
import { integerFormats } from './formats.ts';
import { characters, choice, type GrammarNode, literal, optional, repeat, sequence } from './grammar-node.ts';
import { digit, mostDigits } from './json-rules.ts';
import type { SchemaRules } from './schema-rules.ts';
import { oneOfTexts } from './value-rules.ts';

/** The keywords that constrain numbers, except `format`. */
export const numberKeywords = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'];

/** The decimals of a number with bounds, unless the bounds have more. */
const usualDecimals = 6;

/**
 * Builds the rule for numbers. Numbers with bounds have no exponent, and at most 15 digits near a bound.
 * Parsing them as doubles therefore cannot merge two of them or move one past a bound. The check enforces bounds
 * beyond 15 digits, and most steps besides 1, 0.1, 0.01 and so on.
 */
export function numberNode(assertions: Assertions, isInteger: boolean, rules: SchemaRules): GrammarNode {
  const formats = formatBounds(assertions);
  const steps = readSteps(assertions);
  const isWhole = isInteger || formats.length > 0 || steps.isWhole;
  const lower = [...assertions.numbers('minimum'), ...formats.map(([minimum]) => minimum)];
  const above = assertions.numbers('exclusiveMinimum');
  const upper = [...assertions.numbers('maximum'), ...formats.map(([, maximum]) => maximum)];
  const under = assertions.numbers('exclusiveMaximum');
  assertRange({ lower, above, upper, under }, assertions);
  const bounds = [...lower, ...above, ...upper, ...under].map((bound) => new Decimal(bound));
  const plain = rules.shared(isWhole ? 'integer' : 'number');
  if (bounds.length === 0 && steps.decimals === undefined)
    return (steps.only === undefined ? undefined : multiplesOf(steps.only, isWhole)) ?? plain;
  if (bounds.length === 0 && isWhole) return plain;

  const wholeDigits = Math.max(1, ...bounds.map((bound) => bound.wholeDigits));
  const decimals = Math.max(usualDecimals, ...bounds.map((bound) => bound.decimals));
  const scale = isWhole ? 0 : Math.max(0, Math.min(steps.decimals ?? decimals, mostDigits - wholeDigits));
  const end = 10n ** BigInt(steps.decimals === undefined ? mostDigits + scale : mostDigits) - 1n;
  const low = largest([
    -end,
    ...lower.map((bound) => new Decimal(bound).ceiling(scale)),
    ...above.map((bound) => new Decimal(bound).floor(scale) + 1n),
  ]);
  const high = -largest([
    -end,
    ...upper.map((bound) => -new Decimal(bound).floor(scale)),
    ...under.map((bound) => 1n - new Decimal(bound).ceiling(scale)),
  ]);
  if (low > high) {
    const isExact = bounds.every((bound) => bound.wholeDigits <= mostDigits);
    if (isWhole && isExact) throw assertions.refusal(boundIn(assertions), 'leaves no whole number');
    return plain;
  }
  const values = steps.only === undefined ? undefined : multiplesBetween(steps.only, low, high, scale);
  if (values?.length === 0) throw assertions.refusal('multipleOf', 'has no multiple between the bounds');
  return values === undefined ? numbersBetween(low, high, scale) : oneOfTexts(values);
}

function boundIn(assertions: Assertions): string {
  return numberKeywords.find((each) => assertions.has(each)) ?? 'format';
}

/** @throws {UnsatisfiableSchemaError} when no number is between the bounds */
function assertRange(
  bounds: Readonly<Record<'lower' | 'above' | 'upper' | 'under', readonly number[]>>,
  assertions: Assertions,
): void {
  const lowest = Math.max(Number.NEGATIVE_INFINITY, ...bounds.lower, ...bounds.above);
  const highest = Math.min(Number.POSITIVE_INFINITY, ...bounds.upper, ...bounds.under);
  const isOpen = bounds.above.includes(lowest) || bounds.under.includes(highest);
  if (lowest > highest || (lowest === highest && isOpen))
    throw assertions.refusal(boundIn(assertions), 'leaves no number');
}

/** Returns the bounds of the integer formats. */
function formatBounds(assertions: Assertions) {
  return assertions
    .texts('format')
    .map((format) => integerFormats.get(format))
    .filter((bounds) => bounds !== undefined);
}

interface Steps {
  /** The number of decimals, if the steps are 1, 0.1, 0.01 and so on. */
  readonly decimals?: number;
  readonly isWhole: boolean;
  /** The only step, if it is a different one. */
  readonly only?: number;
}

function readSteps(assertions: Assertions): Steps {
  const steps = [...new Set(assertions.numbers('multipleOf'))];
  const [step] = steps;
  const isWhole = steps.some((each) => Number.isInteger(each));
  const decimals = steps.map((each) => new Decimal(each)).filter(({ digits }) => digits === 1n);
  if (step === undefined || steps.some((each) => each > 1) || decimals.length < steps.length)
    return { isWhole, ...(steps.length === 1 && step !== undefined && { only: step }) };
  return { isWhole, decimals: Math.min(...decimals.map((each) => each.decimals)) };
}

/** The most multiples that a rule lists. */
const mostMultiples = 1000;

/** Lists the multiples of a step between two bounds, in units of the last decimal. */
function multiplesBetween(step: number, low: bigint, high: bigint, scale: number): string[] | undefined {
  const { digits, decimals } = new Decimal(step);
  const whole = new Decimal(step).floor(Math.max(scale, decimals));
  if (digits <= 0n || decimals > scale || (high - low) / whole > mostMultiples) return undefined;
  const first = low > 0n ? (low + whole - 1n) / whole : low / whole;
  const values: string[] = [];
  for (let value = first * whole; value <= high; value += whole) values.push(toText(value, scale));
  return values;
}

function toText(value: bigint, scale: number): string {
  return `${Number(`${value}e-${scale}`)}`;
}

/**
 * Builds the rule for all multiples of a step that divides a power of ten, such as 5, 100 or 0.25, by their last
 * digits.
 */
function multiplesOf(step: number, isWhole: boolean): GrammarNode | undefined {
  const { digits, decimals } = new Decimal(step);
  if (isWhole && decimals > 0) return undefined;
  const length = decimals > 0 ? decimals : `${step}`.length;
  const end = 10n ** BigInt(length);
  const unit = decimals > 0 ? digits : BigInt(step);
  if (length > 3 || end % unit !== 0n) return undefined;
  const endings = Array.from({ length: Number(end / unit) }, (_, index) =>
    `${BigInt(index) * unit}`.padStart(length, '0'),
  );
  const sign = optional(literal('-'));
  if (decimals > 0) {
    const fractions = endings.map((text) => text.replace(/0+$/, '')).filter((text) => text !== '');
    return sequence(sign, wholeNumber, optional(sequence(literal('.'), oneOfTexts(fractions))));
  }
  const short = [...new Set(endings.map((text) => `${Number(text)}`))];
  const start = sequence(characters('123456789'), repeat(digit, 0, mostDigits - length - 1));
  return sequence(sign, choice(oneOfTexts(short), sequence(start, oneOfTexts(endings))));
}

const wholeNumber = choice(literal('0'), sequence(characters('123456789'), repeat(digit, 0, mostDigits - 4)));

/** The shortest decimal that a program parses as the number. */
class Decimal {
  readonly digits: bigint;
  /** The power of ten that the digits are multiplied with. */
  readonly #exponent: number;

  constructor(value: number) {
    const [mantissa = '', exponent = ''] = value.toExponential().split('e');
    const [whole = '', fraction = ''] = mantissa.split('.');
    this.digits = BigInt(whole + fraction);
    this.#exponent = Number(exponent) - fraction.length;
  }

  /** The number of digits before the point. */
  get wholeDigits(): number {
    return `${this.digits}`.replace('-', '').length + this.#exponent;
  }

  /** The number of digits after the point. */
  get decimals(): number {
    return Math.max(0, -this.#exponent);
  }

  /** Rounds down to a number of decimals. The result is in units of the last decimal. */
  floor(decimals: number): bigint {
    const shift = this.#exponent + decimals;
    if (shift >= 0) return this.digits * 10n ** BigInt(shift);
    const unit = 10n ** BigInt(-shift);
    // BigInt's division rounds towards zero.
    return this.digits / unit - (this.digits % unit < 0n ? 1n : 0n);
  }

  /** Rounds up to a number of decimals. The result is in units of the last decimal. */
  ceiling(decimals: number): bigint {
    const floor = this.floor(decimals);
    const shift = this.#exponent + decimals;
    return shift >= 0 || this.digits % 10n ** BigInt(-shift) === 0n ? floor : floor + 1n;
  }
}

function largest(values: readonly bigint[]): bigint {
  return values.reduce((most, value) => (value > most ? value : most));
}
