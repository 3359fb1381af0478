// A model, a manifest, snapshots and states that are damaged, truncated or absent. Without a model the start ends with one line and
// exit code 1. Without a snapshot or a state it goes on, and says so.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { model, modelPath } from '../../model/default-model.ts';
import type { Case } from '../mutations.ts';
import { type Attack, originOf, type Target } from '../target.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(modelPath, '../model.json'), 'utf8')) as object;
const rules = Array.from({ length: 30 }, (_, rule) => `Rule ${rule}: be kind, and answer in one sentence.`);
const prompt = rules.join(' ');

/** Each makes an unusable folder of a model. */
const models: Readonly<Record<string, (folder: string) => void>> = {
  'an empty folder': () => {},
  'a folder that is not there': (folder) => rmSync(folder, { recursive: true }),
  'a manifest without its model': (folder) => writeManifest(folder, manifest),
  'a manifest that is not JSON': (folder) => writeFileSync(join(folder, 'model.json'), '{"name": '),
  'an empty manifest': (folder) => writeFileSync(join(folder, 'model.json'), ''),
  'a manifest that is a list': (folder) => writeManifest(folder, []),
  'a manifest of zeros': (folder) => writeFileSync(join(folder, 'model.json'), Buffer.alloc(1000)),
  'a manifest without a size': (folder) => writeManifest(folder, { ...manifest, sizeBytes: undefined }),
  'a manifest with facts of another kind': (folder) => {
    linkSync(modelPath, join(folder, model.file));
    writeManifest(folder, { ...manifest, gguf: { memory: { weights: 'many' } } });
  },
  'an empty model': (folder) => writeFileSync(join(folder, 'model.gguf'), ''),
  'a model of zeros': (folder) => writeFileSync(join(folder, 'model.gguf'), Buffer.alloc(1_000_000)),
  'a model that is a folder': (folder) => mkdirSync(join(folder, 'model.gguf')),
  'the first bytes of a model': (folder) => copyModel(folder, { length: 10_000 }),
  'half a model with its manifest': (folder) => {
    copyModel(folder, { length: model.sizeBytes >> 1 });
    writeManifest(folder, manifest);
  },
  'half a model': (folder) => copyModel(folder, { length: model.sizeBytes >> 1 }),
  'a model with a damaged header': (folder) => copyModel(folder, { flipped: 24 }),
  'a model with damaged metadata': (folder) => copyModel(folder, { flipped: 60 }),
};

/** A wrong bit among the weights is found only where the hash is verified. */
const verified = {
  'a model with a damaged weight': (folder: string) => {
    copyModel(folder, { flipped: model.sizeBytes - 1000 });
    writeManifest(folder, manifest);
  },
};

export const damageFiles: Attack = {
  name: 'damaged files',
  isLong: true,
  run: async (target) => {
    const folder = mkdtempSync(join(tmpdir(), 'torture-files-'));
    try {
      for (const [name, spoil] of Object.entries(models)) await refuseModel(target, { folder, name, spoil });
      for (const [name, spoil] of Object.entries(verified))
        await refuseModel(target, { folder, name, spoil, env: { VERIFY_MODEL: 'true' } });
      await passOverSnapshots(target, folder);
      await passOverStates(target, folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

interface Damage {
  readonly folder: string;
  readonly name: string;
  readonly spoil: (folder: string) => void;
  readonly env?: NodeJS.ProcessEnv;
}

async function refuseModel(target: Target, { folder, name, spoil, env }: Damage): Promise<void> {
  const directory = mkdtempSync(join(folder, 'model-'));
  spoil(directory);
  target.count('damaged models');
  const outcome = await target.startAnother({ MODEL_DIR: directory, ...env }).then(
    async (front) => {
      await front.end('SIGTERM');
      return 'it was loaded';
    },
    (error: Error) => error.message,
  );
  rmSync(directory, { recursive: true, force: true });
  // llama.cpp has lines of its own about what is wrong within a file, and the emulator about a function that ended.
  if (!/^exit code 1: ([^\n]*(llama\.cpp error:|\(rapid\)) [^\n]*\n)*gguf-lambda: [^\n]+\n$/.test(outcome))
    target.fault(`${name}: ${outcome}`);
}

async function passOverSnapshots(target: Target, folder: string): Promise<void> {
  const sources = mkdtempSync(join(folder, 'sources-'));
  writeFileSync(join(sources, 'rules.txt'), prompt);
  const baked = join(folder, 'baked');
  const { status, stderr } = spawnSync(
    process.execPath,
    ['tools/model/cli.ts', 'prefixes', '--model', join(modelPath, '..'), '--from', sources, '--to', baked],
    { cwd: root, encoding: 'utf8', env: { ...process.env, CONTEXT_SIZE: '1024', THREADS: '1' } },
  );
  if (status !== 0) throw new Error(`No snapshots are made: ${stderr}`);
  const damages: Readonly<Record<string, (file: string) => void>> = {
    'rules.txt.state': flipMiddle,
    'index.json': (file) => truncateSync(file, 10),
  };
  for (const [file, spoil] of Object.entries(damages)) {
    const copy = mkdtempSync(join(folder, 'snapshots-'));
    cpSync(baked, copy, { recursive: true });
    spoil(join(copy, file));
    await expectWarning(target, {
      env: { PREFIX_DIR: copy, SLOTS: '1' },
      warning: /prefixes are evaluated anew/,
      each: { path: '/v1/completions', body: { prompt: `${prompt} And`, max_tokens: 1 } },
    });
    target.count('damaged snapshots');
  }
}

/** A state is written when a conversation ends, and read when it goes on in another process. */
async function passOverStates(target: Target, folder: string): Promise<void> {
  const env = { CACHE_DIR: join(folder, 'states') };
  const front = await target.startAnother(env);
  const answer = await target.ask(toChat(), { origin: originOf(front) });
  await front.end('SIGTERM');
  const { choices } = JSON.parse(answer?.text ?? '{}') as { choices?: { message: { content: string } }[] };
  const states = readdirSync(env.CACHE_DIR, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  if (states.length === 0) target.fault('no state was kept');
  for (const { parentPath, name } of states) flipMiddle(join(parentPath, name));
  await expectWarning(target, { env, warning: /is damaged/, each: toChat(choices?.[0]?.message.content) });
  target.count('damaged states', states.length);
}

/** A conversation, and its next turn after an answer. */
function toChat(answer?: string): Case {
  const next = [
    { role: 'assistant', content: answer },
    { role: 'user', content: 'And then?' },
  ];
  const messages = [
    { role: 'system', content: prompt },
    { role: 'user', content: 'Who are you?' },
    ...(answer === undefined ? [] : next),
  ];
  return { path: '/v1/chat/completions', body: { messages, max_tokens: 8, temperature: 0 } };
}

interface Warned {
  readonly env: NodeJS.ProcessEnv;
  readonly warning: RegExp;
  /** What would use the damaged file. */
  readonly each: Case;
}

async function expectWarning(target: Target, { env, warning, each }: Warned): Promise<void> {
  const [name] = Object.keys(env);
  const front = await target.startAnother(env);
  const answer = await target.ask(each, { origin: originOf(front) });
  if (answer?.status !== 200) target.fault(`${answer?.status} beside a damaged ${name}: ${answer?.text}`);
  await target.checkReference(`a damaged ${name}`, front);
  await front.end('SIGTERM');
  if (!warning.test(front.output())) target.fault(`no warning about ${name}: ${front.output().slice(-300)}`);
}

function writeManifest(folder: string, content: unknown): void {
  writeFileSync(join(folder, 'model.json'), JSON.stringify(content));
}

function copyModel(folder: string, { length, flipped }: { length?: number; flipped?: number }): void {
  const path = join(folder, model.file);
  cpSync(modelPath, path);
  if (length !== undefined) truncateSync(path, length);
  if (flipped !== undefined) flip(path, flipped);
}

function flipMiddle(path: string): void {
  flip(path, readFileSync(path).length >> 1);
}

function flip(path: string, index: number): void {
  const bytes = readFileSync(path);
  bytes[index] = (bytes[index] ?? 0) ^ 0xff;
  writeFileSync(path, bytes);
}
