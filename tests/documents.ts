// The blocks of code of README.md and the other pages. Their tests read them from these files, and run them as they stand there.
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));

/** The pages whose blocks a reader may copy, relative to the project's root. */
export const pages: readonly string[] = globSync('{README.md,CONTRIBUTING.md,docs/*.md,examples/README.md}', {
  cwd: root,
}).sort();

export interface Block {
  readonly document: string;
  /** Such as `sh`. Drawings have none. */
  readonly language: string;
  readonly text: string;
}

/** @param path relative to the project's root */
export function readText(path: string): string {
  return readFileSync(`${root}${path}`, 'utf8');
}

export function readBlocks(document: string): Block[] {
  const page = readText(document);
  return [...page.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => ({
    document,
    language,
    text,
  }));
}

/**
 * Finds the one block of a language that begins like this.
 *
 * @throws {Error} when the document has none, or more than one
 */
export function findBlock(document: string, language: string, beginning = ''): string {
  const blocks = readBlocks(document).filter(
    (block) => block.language === language && block.text.startsWith(beginning),
  );
  const [found] = blocks;
  if (found !== undefined && blocks.length === 1) return found.text;
  throw new Error(`${document} has ${blocks.length} blocks of ${language} that begin with '${beginning}'.`);
}

/** The commands of a block for the shell, without comments. A command goes on over lines that end within quotes. */
function toCommands({ text }: Block): string[] {
  const commands: string[] = [];
  let command = '';
  for (const line of text.split('\n')) {
    command += command === '' ? line.replace(/(?:^|\s+)#\s.*$/, '') : `\n${line}`;
    const isOpen = (command.match(/'/g)?.length ?? 0) % 2 === 1 || command.endsWith('\\');
    if (isOpen) continue;
    if (command !== '') commands.push(command);
    command = '';
  }
  return commands;
}

/** Every command of every page. */
export const documentedCommands = pages.flatMap((document) =>
  readBlocks(document)
    .filter(({ language }) => language === 'sh')
    .flatMap((block) => toCommands(block).map((command) => ({ document, command }))),
);

/**
 * Finds the one command of a document that begins like this.
 *
 * @throws {Error} when the document has none, or more than one
 */
export function findCommand(document: string, beginning: string): string {
  const commands = documentedCommands
    .filter((each) => each.document === document)
    .map(({ command }) => command);
  const [found, ...others] = commands.filter((command) => command.startsWith(beginning));
  if (found !== undefined && others.length === 0) return found;
  const problem = found === undefined ? 'no command' : 'several commands';
  throw new Error(`${document} has ${problem} that begin with '${beginning}': ${commands.join('; ')}`);
}
