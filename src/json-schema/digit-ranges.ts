// Rules for the numbers between two bounds, digit by digit.
import {
  characters,
  choice,
  empty,
  type GrammarNode,
  literal,
  optional,
  repeat,
  sequence,
} from './grammar-node.ts';
import { digit } from './json-rules.ts';

/**
 * Matches the decimal numbers from `low` to `high`, written with up to `decimals` decimals. The bounds are in
 * units of the last decimal: with two decimals, 150 means 1.5.
 */
export function numbersBetween(low: bigint, high: bigint, decimals: number): GrammarNode {
  const options: GrammarNode[] = [];
  if (low < 0n) {
    // Zero has no sign, but a number such as -0.5 has one.
    const least = high < 0n ? -high : decimals === 0 ? 1n : 0n;
    options.push(sequence(literal('-'), magnitudes(least, -low, decimals)));
  }
  if (high >= 0n) options.push(magnitudes(low < 0n ? 0n : low, high, decimals));
  return choice(...options);
}

function magnitudes(low: bigint, high: bigint, decimals: number): GrammarNode {
  const unit = 10n ** BigInt(decimals);
  const [lowWhole, highWhole] = [low / unit, high / unit];
  const lowFraction = padded(low % unit, decimals);
  const highFraction = padded(high % unit, decimals);
  if (lowWhole === highWhole) return sequence(literal(`${lowWhole}`), fraction(lowFraction, highFraction));

  const isLowWhole = isAll('0', lowFraction);
  const isHighWhole = isAll('9', highFraction);
  const firstWhole = isLowWhole ? lowWhole : lowWhole + 1n;
  const lastWhole = isHighWhole ? highWhole : highWhole - 1n;
  const options: GrammarNode[] = [];
  if (!isLowWhole)
    options.push(sequence(literal(`${lowWhole}`), fraction(lowFraction, '9'.repeat(decimals))));
  if (firstWhole <= lastWhole) {
    const anyFraction = fraction('0'.repeat(decimals), '9'.repeat(decimals));
    options.push(sequence(wholeNumbers(firstWhole, lastWhole), anyFraction));
  }
  if (!isHighWhole)
    options.push(sequence(literal(`${highWhole}`), fraction('0'.repeat(decimals), highFraction)));
  return choice(...options);
}

/** Matches the point and the decimals. They are optional if the whole number is in the range. */
function fraction(low: string, high: string): GrammarNode {
  if (high === '') return empty;
  const point = sequence(literal('.'), fractionDigits(low, high, false));
  return isAll('0', low) ? optional(point) : point;
}

/** Matches decimals. Zeros at the end may be missing. */
function fractionDigits(low: string, high: string, mayEnd: boolean): GrammarNode {
  if (high === '') return empty;
  const least = mayEnd ? 0 : 1;
  if (isAll('0', low) && isAll('9', high)) return repeat(digit, least, high.length);
  if (isAll('0', high)) return repeat(literal('0'), least, high.length);
  const options = firstDigits(low, high, (lowRest, highRest) => fractionDigits(lowRest, highRest, true));
  return mayEnd && isAll('0', low) ? choice(empty, ...options) : choice(...options);
}

/** Matches whole numbers without leading zeros. */
function wholeNumbers(low: bigint, high: bigint): GrammarNode {
  const options: GrammarNode[] = [];
  const full: number[] = [];
  for (let length = `${low}`.length; length <= `${high}`.length; length++) {
    const smallest = length === 1 ? 0n : 10n ** BigInt(length - 1);
    const largest = 10n ** BigInt(length) - 1n;
    const from = low > smallest ? low : smallest;
    const to = high < largest ? high : largest;
    if (length === 1 && from === 0n && to === largest) options.push(literal('0'));
    if (to === largest && (from === smallest || (length === 1 && from === 1n))) full.push(length);
    else options.push(digitsBetween(`${from}`, `${to}`));
  }
  const [shortest, longest] = [full[0], full.at(-1)];
  if (shortest !== undefined && longest !== undefined)
    options.push(sequence(characters('123456789'), repeat(digit, shortest - 1, longest - 1)));
  return choice(...options);
}

/** Matches numbers between bounds with the same number of digits. */
function digitsBetween(low: string, high: string): GrammarNode {
  if (high === '') return empty;
  if (isAll('0', low) && isAll('9', high)) return repeat(digit, high.length, high.length);
  return choice(...firstDigits(low, high, digitsBetween));
}

/**
 * Returns options by the first digit: the digit of the lower bound, those between, that of the upper bound.
 */
function firstDigits(
  low: string,
  high: string,
  rest: (low: string, high: string) => GrammarNode,
): GrammarNode[] {
  const [first, last] = [Number(low[0]), Number(high[0])];
  const [lowRest, highRest] = [low.slice(1), high.slice(1)];
  const zeros = '0'.repeat(lowRest.length);
  const nines = '9'.repeat(lowRest.length);
  if (first === last) return [sequence(literal(`${first}`), rest(lowRest, highRest))];
  const isLowFull = lowRest === zeros;
  const isHighFull = highRest === nines;
  const options: GrammarNode[] = [];
  if (!isLowFull) options.push(sequence(literal(`${first}`), rest(lowRest, nines)));
  const [from, to] = [isLowFull ? first : first + 1, isHighFull ? last : last - 1];
  if (from <= to) options.push(sequence(digitsFrom(from, to), rest(zeros, nines)));
  if (!isHighFull) options.push(sequence(literal(`${last}`), rest(zeros, highRest)));
  return options;
}

function digitsFrom(first: number, last: number): GrammarNode {
  return first === last ? literal(`${first}`) : characters([[0x30 + first, 0x30 + last]]);
}

function padded(value: bigint, length: number): string {
  return length === 0 ? '' : `${value}`.padStart(length, '0');
}

function isAll(digitText: string, text: string): boolean {
  return text === digitText.repeat(text.length);
}
