// Edits the grammars that llama.cpp writes for the formats of model families.

/** The rules of a grammar by their names, each as its text. */
export type GbnfRules = Map<string, string>;

const name = '[A-Za-z][A-Za-z0-9-]*';

/** A literal, a class of characters, or a name. */
const tokens = new RegExp(String.raw`"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|${name}`, 'g');

/** llama.cpp's rule for a string, which admits an escaped blank, though its parser does not, and line breaks. */
const string = /\[\^(["'])\\\\\] \| "\\\\" \( \[\1\\\\\/ bfnrt\]/g;
const fixedString = String.raw`[^$1\\\x00-\x1F] | "\\" ( [$1\\/bfnrt]`;

export function parseRules(gbnf: string): GbnfRules {
  const rules: GbnfRules = new Map();
  for (const line of gbnf.split('\n')) {
    const at = line.indexOf(' ::= ');
    if (at > 0) rules.set(line.slice(0, at), line.slice(at + ' ::= '.length).replace(string, fixedString));
  }
  return rules;
}

export function writeRules(rules: GbnfRules): string {
  return Array.from(rules, ([rule, text]) => `${rule} ::= ${text}\n`).join('');
}

/** Puts a prefix before the names of all rules. */
export function withPrefix(rules: GbnfRules, prefix: string): GbnfRules {
  const rename = (text: string) =>
    text.replace(tokens, (token) => (/^["[]/.test(token) ? token : prefix + token));
  return new Map(Array.from(rules, ([rule, text]) => [prefix + rule, rename(text)]));
}

/** Drops the rules that the root does not need. */
export function withoutUnused(rules: GbnfRules): GbnfRules {
  const used = new Set(['root']);
  for (const rule of used) {
    for (const token of rules.get(rule)?.match(tokens) ?? []) if (rules.has(token)) used.add(token);
  }
  return new Map([...rules].filter(([rule]) => used.has(rule)));
}

/** The name of a rule as llama.cpp writes it. */
export function toRuleName(text: string): string {
  return text.replace(/[^a-zA-Z0-9-]+/g, '-');
}

/** Removes the free text that llama.cpp allows before calls that must come. */
export function withoutPreamble(root: string): string {
  let depth = 0;
  return root.replace(/"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|[()]| until-\d+\??(?= |$)/g, (token) => {
    if (token === '(') depth += 1;
    else if (token === ')') depth -= 1;
    else if (token.startsWith(' until-') && depth === 0) return '';
    return token;
  });
}
