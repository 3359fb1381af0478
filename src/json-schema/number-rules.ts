// Rules for numbers: bounds and decimals.
import type { Assertions } from './assertions.ts';
import { numbersBetween } from './digit-ranges.ts';
import { integerFormats } from './formats.ts';
import type { GrammarNode } from './grammar-node.ts';
import { mostDigits } from './json-rules.ts';
import type { SchemaRules } from './schema-rules.ts';
import { quote } from './unsupported-schema-error.ts';

/** The keywords that constrain numbers, except `format`. */
export const numberKeywords = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'];

/** The decimals of a number with bounds, unless the bounds have more. */
const usualDecimals = 6;

/**
 * Builds the rule for numbers. Numbers with bounds have no exponent, and at most 15 digits near a bound.
 * Parsing them as doubles therefore cannot merge two of them or move one past a bound.
 */
export function numberNode(assertions: Assertions, isInteger: boolean, rules: SchemaRules): GrammarNode {
  const format = formatBounds(assertions);
  const steps = decimalsOfSteps(assertions);
  const isWhole = isInteger || format.isInteger || steps === 0;
  const lower = [...assertions.numbers('minimum'), ...format.minimum];
  const above = assertions.numbers('exclusiveMinimum');
  const upper = [...assertions.numbers('maximum'), ...format.maximum];
  const under = assertions.numbers('exclusiveMaximum');
  const bounds = [...lower, ...above, ...upper, ...under].map((bound) => new Decimal(bound));
  if (bounds.length === 0 && isWhole) return rules.shared('integer');
  if (bounds.length === 0 && steps === undefined) return rules.shared('number');

  const wholeDigits = Math.max(1, ...bounds.map((bound) => bound.wholeDigits));
  const decimals = Math.max(usualDecimals, ...bounds.map((bound) => bound.decimals));
  const scale = isWhole ? 0 : Math.max(0, Math.min(steps ?? decimals, mostDigits - wholeDigits));
  const end = 10n ** BigInt(steps === undefined ? mostDigits + scale : mostDigits) - 1n;
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
    const keyword = numberKeywords.find((each) => assertions.has(each)) ?? 'format';
    const kind = scale === 0 ? 'whole number' : `number with ${scale} decimals`;
    throw assertions.refusal(keyword, `leaves no ${kind} of at most ${mostDigits} digits`);
  }
  return numbersBetween(low, high, scale);
}

/** These formats do not constrain the numbers that the rules allow. */
const floatFormats = new Set(['float', 'double']);

function formatBounds(assertions: Assertions) {
  const formats = assertions.texts('format').filter((format) => !floatFormats.has(format));
  const bounds = formats.map((format) => {
    const known = integerFormats.get(format);
    if (known === undefined)
      throw assertions.refusal('format', `does not support '${quote(format)}' for numbers`);
    return known;
  });
  return {
    isInteger: bounds.length > 0,
    minimum: bounds.map(([minimum]) => minimum),
    maximum: bounds.map(([, maximum]) => maximum),
  };
}

/** Returns the number of decimals that `multipleOf` allows. Only supports 1, 0.1, 0.01 and so on. */
function decimalsOfSteps(assertions: Assertions): number | undefined {
  const decimals = assertions.numbers('multipleOf').map((step) => {
    const { digits, decimals } = new Decimal(step);
    if (digits !== 1n || step > 1) {
      throw assertions.refusal('multipleOf', 'must be 1, 0.1, 0.01 and so on');
    }
    return decimals;
  });
  return decimals.length === 0 ? undefined : Math.min(...decimals);
}

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
