// The documents name only what exists: files, headings, routes, settings. tests/container runs their commands.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { findRoute } from '../../../src/http/routes.ts';
import { readBlocks } from '../../documents.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const documents = globSync('{*.md,docs/**/*.md,examples/**/*.md}', { cwd: root });
const pages = documents.filter((path) => !path.startsWith('docs/decisions/') && path !== 'CHANGELOG.md');

/** The text without blocks of code. */
const prose = (path: string) => read(path).replaceAll(/^```.*?^```$/gms, '');

/** As GitHub makes the anchor of a heading. */
function toAnchor(heading: string): string {
  const text = heading.replaceAll('`', '').replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1');
  return text
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

const anchorsOf = (path: string) =>
  new Set([...prose(path).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => toAnchor(heading)));

/** Names of environment variables that the sources and scripts have. */
const known = new Set<string>(
  globSync('{src,tools,functions,infra,native,tests,bench}/**/*.{ts,mjs,sh,yaml,json}', { cwd: root })
    .concat('Dockerfile', 'package.json')
    .flatMap((path) => read(path).match(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b|\b[A-Z]{3,}\b/g) ?? []),
);
// Other programs read these.
for (const name of ['DOCKER_HOST', 'ANTHROPIC_BASE_URL', 'ANTHROPIC_API_KEY']) known.add(name);

/** The definitions of links, as `[name]: target "title"`. */
const definitionsOf = (path: string) =>
  [...prose(path).matchAll(/^\[([^\]]+)\]: (\S+)(?: "(.*)")?$/gm)].map(
    ([, name = '', target = '', title]) => ({
      name,
      target: join(dirname(path), target),
      title,
    }),
  );

describe('README.md', () => {
  it('has at most 500 words', () => {
    expect(read('README.md').split(/\s+/).length).toBeLessThanOrEqual(500);
  });
});

describe.each(documents)('%s', (path) => {
  it('links to files and headings that exist', () => {
    const links = [...prose(path).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    const broken = links
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => {
        const [file = '', anchor] = target.split('#');
        const linked = file === '' ? path : join(dirname(path), file);
        if (!existsSync(join(root, linked))) return true;
        return anchor !== undefined && linked.endsWith('.md') && !anchorsOf(linked).has(anchor);
      });

    expect(broken).toEqual([]);
  });
});

const { scripts } = JSON.parse(read('package.json')) as { scripts: Readonly<Record<string, string>> };

/** The commands of a command-line tool, as its source declares them. */
const commandsOf = (path: string) =>
  [...read(path).matchAll(/[cC]ommand\('(\w+)'/g)].map(([, name = '']) => name);
const commands: Readonly<Record<string, readonly string[]>> = {
  model: commandsOf('tools/model/cli.ts'),
  batch: commandsOf('tools/batch/cli.ts'),
};

describe.each(pages)('%s', (path) => {
  it('names scripts and commands that exist', () => {
    const named = [...read(path).matchAll(/npm run ([\w:]+)(?: -- (\w+))?/g)];
    const lost = named.filter(
      ([, script = '', command]) =>
        scripts[script] === undefined ||
        (command !== undefined && commands[script]?.includes(command) === false),
    );

    expect(lost.map(([text]) => text)).toEqual([]);
  });

  it('has files for other programs whose settings exist', () => {
    const settings = readBlocks(path)
      .filter(({ language }) => ['yaml', 'ini'].includes(language))
      .flatMap(({ text }) => [...text.matchAll(/^\s*(?:Environment=)?([A-Z][A-Z0-9_]+)[:=]/gm)])
      .map(([, name = '']) => name);

    expect(settings.filter((name) => !known.has(name))).toEqual([]);
  });

  it('names routes that exist', () => {
    const routes = [...read(path).matchAll(/`(?:GET|POST|HEAD|DELETE) (\/[\w/{}.-]*)`/g)].map(
      ([, route = '']) => route.replace(/\{\w+\}/, 'name'),
    );

    expect(routes.filter((route) => findRoute(route) === undefined)).toEqual([]);
  });

  it('names settings that exist', () => {
    const settings = [...prose(path).matchAll(/`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)(?:=[^`]*)?`/g)].map(
      ([, name = '']) => name,
    );

    expect([...new Set(settings)].filter((name) => !known.has(name))).toEqual([]);
  });
});

describe('docs/security.md', () => {
  const page = 'docs/security.md';
  const definitions = definitionsOf(page);
  const claims = prose(page).split('## Without a test')[0] ?? '';
  const used = [...prose(page).matchAll(/\]\[([^\]]+)\]/g)].map(([, name = '']) => name);

  it('names tests that exist', () => {
    const missing = definitions.filter(({ target, title = '' }) => {
      if (!existsSync(join(root, target))) return true;
      return !read(target).includes(title);
    });

    expect(missing).toEqual([]);
    expect(definitions.filter(({ target }) => !target.startsWith('tests/'))).toEqual([]);
  });

  it('defines each link once, and uses each definition', () => {
    const names = definitions.map(({ name }) => name);

    expect(names.toSorted()).toEqual([...new Set(used)].toSorted());
  });

  it('has a test behind each item of a list, and each row of a table that has a column of tests', () => {
    const items = claims.split(/\n(?=- )|\n\n/).filter((text) => text.startsWith('- '));
    const tables = [...claims.matchAll(/^\|.*shown by \|\n\|[-|]+\|\n((?:\|.*\n)+)/gm)];
    const rows = tables.flatMap(([, body = '']) => body.trim().split('\n'));
    const shown = [...items, ...rows];

    expect(shown.length).toBeGreaterThan(40);
    expect(shown.filter((text) => !/\]\[[^\]]+\]/.test(text))).toEqual([]);
  });
});
