// The site of the documentation: the same files that GitHub shows, with a search. `npm run docs` builds it into .cache/site, and
// fails on a dead link and on an error in a page. Its packages are apart, so that no start of the project installs them.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { type DefaultTheme, defineConfig, type MarkdownOptions } from 'vitepress';

const root = resolve(import.meta.dirname, '../..');

const sections: Readonly<Record<string, readonly string[]>> = {
  Use: [
    'docs/start.md',
    'docs/models.md',
    'docs/configuration.md',
    'docs/playground.md',
    'examples/README.md',
  ],
  'The API': [
    'docs/api.md',
    'docs/apis.md',
    'docs/structured-output.md',
    'docs/caches.md',
    'docs/decisions.md',
    'docs/batches.md',
    'models/prefixes/README.md',
  ],
  Operate: [
    'docs/deploy.md',
    'docs/operate.md',
    'docs/self-host.md',
    'docs/security.md',
    'docs/reliability.md',
    'docs/troubleshooting.md',
  ],
  Understand: ['docs/architecture.md', 'docs/benchmark/README.md', 'docs/compared.md'],
  Contribute: ['CONTRIBUTING.md', 'CHANGELOG.md'],
  'Decisions of the design': globSync('docs/decisions/*.md', { cwd: root }).sort(),
};
const pages = new Set(['README.md', ...Object.values(sections).flat()]);

const others = globSync('**/*.md', { cwd: root, exclude: ['**/node_modules/**'] }).filter(
  (path) => !pages.has(path),
);
// A page that no reader can reach is not a page.
const lost = others.find((path) => path.startsWith('docs/'));
if (lost !== undefined) throw new Error(`${lost} is in no section of docs/.vitepress/config.ts.`);

/** The page of the site that a file becomes. */
const toPage = (path: string) => path.replace(/^docs\//, '').replace(/README\.md$/, 'index.md');

const toItem = (path: string): DefaultTheme.SidebarItem => ({
  text: /^# (.+)$/m.exec(readFileSync(join(root, path), 'utf8'))?.[1] ?? path,
  link: `/${toPage(path)}`,
});

const { GITHUB_SERVER_URL: host, GITHUB_REPOSITORY: name, BASE_PATH: base = '/' } = process.env;
/** Where all files are that are no page. Only a build on GitHub knows it. */
const repository = name === undefined ? undefined : `${host}/${name}`;

/** The path of the file that a page is made of: `path` is that of the page, where the file has another one. */
const toSource = ({ path, realPath = path }: { readonly path: string; readonly realPath?: string }) =>
  realPath;

/** Links lead from file to file. Here they lead from page to page, and to the repository for all else. */
const linkPages: NonNullable<MarkdownOptions['config']> = (md) => {
  md.core.ruler.push('link-pages', ({ tokens, env }) => {
    const source = toSource(env);
    const from = dirname(source);
    for (const link of tokens.flatMap(({ children }) => children ?? [])) {
      const href = link.type === 'link_open' ? String(link.attrGet('href')) : '#';
      if (/^(?:[a-z]+:|#)/.test(href)) continue;
      const [name = '', anchor] = href.split('#');
      const file = relative(root, resolve(from, name));
      if (!existsSync(join(root, file))) throw new Error(`${source} links to ${href}, which does not exist.`);
      const isPage = file.endsWith('.md') && pages.has(file);
      const target = isPage
        ? `/${toPage(file)}`
        : `${repository ?? 'https://repository.invalid'}/tree/main/${file}`;
      link.attrSet('href', anchor === undefined ? target : `${target}#${anchor}`);
    }
  });
};

/** Vue computes what stands within two braces, and drops elements that it does not know. GitHub shows both. */
const refuseTemplates: NonNullable<MarkdownOptions['config']> = (md) => {
  md.core.ruler.push('refuse-templates', ({ tokens, env }) => {
    for (const { type, content } of tokens.flatMap((token) => [token, ...(token.children ?? [])])) {
      const isElement = type.startsWith('html_') && content.replaceAll(/<!--.*?-->/gs, '').includes('<');
      if (isElement || (type === 'text' && content.includes('{{')))
        throw new Error(`${toSource(env)} has HTML or two braces outside of code: ${content.trim()}`);
    }
  });
};

/** Vue leaves blocks of code alone, but not code within a line. */
const keepInlineCode: NonNullable<MarkdownOptions['config']> = (md) => {
  md.core.ruler.push('keep-inline-code', ({ tokens }) => {
    for (const code of tokens.flatMap(({ children }) => children ?? []))
      if (code.type === 'code_inline') code.attrSet('v-pre', '');
  });
};

export default defineConfig({
  title: 'gguf-lambda',
  description: 'A private LLM endpoint that scales to zero',
  lang: 'en',
  base: base.endsWith('/') ? base : `${base}/`,
  srcDir: '..',
  srcExclude: others,
  rewrites: Object.fromEntries([...pages].map((path) => [path, toPage(path)])),
  outDir: '../.cache/site',
  cacheDir: '../.cache/vitepress',
  markdown: {
    // The highlighter does not know it.
    languageAlias: { caddy: 'nginx' },
    config: (md) => {
      refuseTemplates(md);
      linkPages(md);
      keepInlineCode(md);
    },
  },
  // The meaning of a setting is the longest of its four columns.
  head: [['style', {}, '.vp-doc td:nth-child(4):last-child { min-width: 20rem }']],
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    sidebar: Object.entries(sections).map(([text, paths]) => ({
      text,
      items: paths.map(toItem),
      collapsed: paths.length > 10,
    })),
    ...(repository !== undefined && { socialLinks: [{ icon: 'github', link: repository }] }),
  },
});
