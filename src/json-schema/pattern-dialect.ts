// Converts regular expressions to the syntax of JavaScript's Unicode mode, which JSON Schema recommends.
// Many schemas are written for the older mode: `[\w-.]`, `\_` and a literal `{` are errors in Unicode mode.

/** Letters after a backslash that keep their meaning. */
const meaningful = /[\^$\\.*+?()[\]{}|/dDwWsSbBfnrtv0cxukpP1-9]/;

/** @returns undefined when the source is not a regular expression in either mode */
export function toUnicodePattern(source: string): string | undefined {
  if (isPattern(source, 'u')) return source;
  if (!isPattern(source, '')) return undefined;
  const converted = convert(source);
  return isPattern(converted, 'u') ? converted : undefined;
}

/** Checks only the syntax. V8 compiles the expression when it is first matched. */
function isPattern(source: string, flags: string): boolean {
  try {
    new RegExp(source, flags);
    return true;
  } catch {
    return false;
  }
}

/** Escapes for sets, which cannot be an end of a range. */
const setEscape = /^\\[dDwWsS]$/;

function convert(source: string): string {
  const tokens = source.match(/\\.|\{\d+(?:,\d*)?\}|./gsu) ?? [];
  let isInSet = false;
  return tokens
    .map((token, index) => {
      const isRange = !setEscape.test(tokens[index - 1] ?? '') && !setEscape.test(tokens[index + 1] ?? '');
      const converted = isInSet ? convertInSet(token, isRange) : convertOutside(token);
      if (token === '[') isInSet = true;
      else if (token === ']') isInSet = false;
      return converted;
    })
    .join('');
}

function convertInSet(token: string, isRange: boolean): string {
  if (token === '-') return isRange ? token : '\\-';
  return token === '\\-' ? token : withoutEscape(token);
}

function convertOutside(token: string): string {
  return /^[{}\]]$/.test(token) ? `\\${token}` : withoutEscape(token);
}

function withoutEscape(token: string): string {
  const letter = token.slice(1);
  return token.startsWith('\\') && letter !== '' && !meaningful.test(letter) ? letter : token;
}
