// The chat templates of llama.cpp's own collection, which the native package brings along, and those of own-templates.ts.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { ChatTemplate } from '../../../src/chat/chat-template.ts';
import { openChatLibrary } from '../../../src/engine/llama/open-chat-library.ts';
import { ownTemplates } from './own-templates.ts';

/** llama.cpp's repository, as the native package brings it along. */
const bundle = join(
  dirname(dirname(createRequire(import.meta.url).resolve('node-llama-cpp'))),
  'llama/gitRelease.bundle',
);

/** Opens the collection before the tests of a file, and removes it behind them. */
export function useTemplateCollection(): { open(name: string): ChatTemplate; readonly names: string[] } {
  let collection: TemplateCollection | undefined;
  const opened = () => {
    if (collection === undefined) throw new Error('The collection is opened before the tests.');
    return collection;
  };
  beforeAll(() => {
    collection = new TemplateCollection();
  }, 60_000);
  afterAll(() => collection?.remove());
  return {
    open: (name) => opened().open(name),
    get names() {
      return opened().names;
    },
  };
}

class TemplateCollection {
  readonly #folder = mkdtempSync(join(tmpdir(), 'templates-'));
  readonly #opened = new Map<string, ChatTemplate>();

  constructor() {
    const git = (...args: string[]) =>
      execFileSync('git', ['-C', this.#folder, ...args], { stdio: 'ignore' });
    git('init', '--quiet', '--template=');
    git('fetch', '--quiet', bundle, 'HEAD');
    git('checkout', '--quiet', 'FETCH_HEAD', '--', 'models/templates');
  }

  get names(): string[] {
    const files = readdirSync(join(this.#folder, 'models/templates'));
    const theirs = files.filter((file) => file.endsWith('.jinja')).map((file) => file.replace('.jinja', ''));
    return [...theirs, ...Object.keys(ownTemplates)];
  }

  /** Opens a template, once. */
  open(name: string): ChatTemplate {
    const opened = this.#opened.get(name) ?? this.#open(name);
    this.#opened.set(name, opened);
    return opened;
  }

  #open(name: string): ChatTemplate {
    const chatTemplate =
      ownTemplates[name] ?? readFileSync(join(this.#folder, 'models/templates', `${name}.jinja`), 'utf8');
    return new ChatTemplate({
      chatTemplate,
      bosToken: '<s>',
      eosToken: '</s>',
      openLibrary: openChatLibrary,
    });
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }
}
