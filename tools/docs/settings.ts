// The settings as the sources have them. A call such as `readInteger(env, 'SLOTS', { min: 1, … })` has the values and the default,
// and the docstring that begins with `SLOTS:` has the meaning. So no text of it is in a bundle.
import { runInNewContext } from 'node:vm';
import ts from 'typescript';

export interface Source {
  readonly path: string;
  readonly text: string;
}

export interface Setting {
  readonly name: string;
  /** What it may be, such as `1 to 256`. Undefined: a text. */
  readonly values: string | undefined;
  readonly default: string;
  readonly meaning: string;
  /** `@see` of the docstring: a document of the project that has more. */
  readonly see: string | undefined;
  /** Path of the source with the docstring. */
  readonly source: string;
}

type Reading = Pick<Setting, 'values'> & { readonly default: string | undefined };
type Docstring = Omit<Setting, keyof Reading> & Pick<Reading, 'default'>;

/**
 * Finds all settings, in the order of their docstrings.
 *
 * @throws {Error} when a setting has no docstring, or neither of them has a default
 */
export function findSettings(sources: readonly Source[]): readonly Setting[] {
  const docstrings = sources.flatMap(findDocstrings);
  const readings = new Map<string, Reading>();
  for (const [name, reading] of sources.flatMap(findReadings)) {
    // Of several readers the one that knows more than a text counts.
    if (readings.get(name)?.values === undefined) readings.set(name, reading);
  }
  const undescribed = [...readings.keys()].find((name) => !docstrings.some((each) => each.name === name));
  if (undescribed !== undefined) throw new Error(`${undescribed} is read, and no docstring begins with it.`);
  return docstrings.flatMap((docstring) => {
    const { name, source } = docstring;
    const reading = readings.get(name);
    if (reading === undefined) return [];
    const fallback = docstring.default ?? reading.default;
    if (fallback === undefined) throw new Error(`The docstring of ${name} in ${source} needs a @default.`);
    return { ...docstring, values: reading.values, default: fallback };
  });
}

function findDocstrings({ path: source, text }: Source): Docstring[] {
  return [...text.matchAll(/\/\*\*\s(.*?)\*\//gs)].flatMap(([, comment = '']) => {
    const lines = comment.split('\n').map((line) => line.replace(/^\s*\*?\s*/, '').trimEnd());
    const [prose = '', ...tags] = lines.join(' ').split(/ (?=@[a-z]+ )/);
    const [, name, meaning] = /^([A-Z][A-Z0-9_]+): (.+)$/.exec(prose.trim()) ?? [];
    if (name === undefined || meaning === undefined) return [];
    const tag = (label: string) =>
      tags.find((each) => each.startsWith(`@${label} `))?.slice(label.length + 2);
    return { name, meaning, default: tag('default')?.trim(), see: tag('see')?.trim(), source };
  });
}

/** The calls such as `readText(env, 'HOST', …)`. */
function findReadings({ path, text }: Source): [name: string, Reading][] {
  // Most sources have none, and need not be parsed.
  if (!/\(\s*env,\s*'/.test(text)) return [];
  const found: [string, Reading][] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const [env, name, options] = node.arguments;
      const read = readers[node.expression.getText()];
      if (read !== undefined && env?.getText() === 'env' && name !== undefined && ts.isStringLiteral(name)) {
        found.push([name.text, read(evaluate(options?.getText()))]);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true));
  return found;
}

const unknown = Symbol('not a literal');

/** The value of an argument, if it is written there. */
function evaluate(expression = 'undefined'): unknown {
  try {
    return runInNewContext(`(${expression})`);
  } catch {
    return unknown;
  }
}

interface Range {
  readonly min: number;
  readonly max: number;
  readonly default?: number;
}

const figure = (number: number) => number.toLocaleString('en-US');
const code = (value: unknown) => `\`${value}\``;
const list = (values: readonly string[]) => values.map(code).join(', ');
const toRange = ({ min, max }: Range) => `${figure(min)} to ${figure(max)}`;

/** How the documentation describes each reader of src/config/environment.ts, by its third argument. */
const readers: Readonly<Record<string, (options: unknown) => Reading>> = {
  readText: (fallback) => ({
    values: undefined,
    default: fallback === unknown ? undefined : fallback === undefined ? 'none' : code(fallback),
  }),
  readRequiredText: () => ({ values: undefined, default: 'must be set' }),
  readFolder: () => ({ values: undefined, default: 'none' }),
  readNames: () => ({ values: 'names, separated by commas', default: 'none' }),
  readFlag: () => ({ values: list(['true', 'false']), default: code(false) }),
  readChoice: (choices) => ({ values: list(choices as string[]), default: code((choices as string[])[0]) }),
  readInteger: (options) => {
    const range = options as Range;
    return { values: toRange(range), default: range.default === undefined ? 'none' : String(range.default) };
  },
  readIntegerOrAuto: (options) => ({
    values: `${code('auto')}, ${toRange(options as Range)}`,
    default: code('auto'),
  }),
};
