// The image, built from a fresh clone's files and run as a user runs it.
import { randomBytes } from 'node:crypto';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { baseImage, docker } from '../../bench/containers.ts';
import { canConnect } from '../../src/server/loopback.ts';
import { findCommand } from '../documents.ts';
import { readEvent } from '../events.ts';
import { model, modelPath } from '../model/default-model.ts';
import { runtimeVariables, startRuntimeApi } from '../runtime-api.ts';
import { runShell, startShell } from '../shell.ts';
import { readComposeFile } from './compose.ts';
import { type Container, cloneSources, image, invoke, startContainer } from './docker.ts';
import { bakedPrefix, itAnswersGreedily } from './greedy-answers.ts';
import { findSbomFaults } from './sbom.ts';

let sources: string;

/** What is evaluated when the image is built. */
const prefix = 'The rules of the house are these. '.repeat(20);

beforeAll(async () => {
  sources = await cloneSources();
  writeFileSync(join(sources, 'models/prefixes/house.txt'), prefix);
  writeFileSync(join(sources, 'models/prefixes/truth.txt'), bakedPrefix);
  await runShell(findCommand('README.md', 'docker build'), { cwd: sources });
  await docker('tag', 'gguf-lambda', image);
});

afterAll(() => rmSync(sources, { recursive: true }));

/** Runs a command in a new container and returns what it printed. */
function inImage(program: string, ...args: string[]): Promise<string> {
  return docker('run', '--rm', '--entrypoint', program, image, ...args);
}

interface Component {
  readonly group?: string;
  readonly name: string;
  readonly hashes?: readonly object[];
}

/** A component's line in the list of the notices. */
function toListedComponent(name: string): RegExp {
  return new RegExp(`^ {2}${name.replaceAll('.', '\\.')}(?: \\S+)?: \\S+$`, 'm');
}

describe('the image', () => {
  it('is at most 90 MB larger than its base and its model', async () => {
    const size = async (name: string) =>
      Number(await docker('image', 'inspect', '--format', '{{.Size}}', name));
    const added = (await size(image)) - (await size(baseImage)) - model.sizeBytes;
    console.log(`The image less its base less its model: ${(added / 1e6).toFixed(1)} MB`);

    expect(added).toBeGreaterThan(0);
    expect(added).toBeLessThanOrEqual(90e6);
  });

  it('names a user without privileges, starts in exec form, and carries labels', async () => {
    const [{ Config: config }] = JSON.parse(await docker('image', 'inspect', image));

    expect(config).toMatchObject({
      User: '1000:1000',
      Entrypoint: ['/app/infra/entry.sh'],
      Cmd: ['completion.handler'],
      Labels: {
        'org.opencontainers.image.title': 'gguf-lambda',
        'org.opencontainers.image.licenses': 'MIT',
        // Without it SnapStart refuses a Node image.
        'com.amazonaws.lambda.feature.snapstart': 'Allow',
      },
    });
  });

  it('has no compiler, no GPU library, no npm cache and no development package', async () => {
    const files = await inImage('find', '/app', '/root', '/home', '/tmp', '-type', 'f', '-readable');
    const programs = await inImage('sh', '-c', 'command -v gcc g++ cc c++ make cmake python3 pip || true');

    expect(programs).toBe('');
    expect(files).not.toMatch(/cuda|vulkan|_cacache|\/(esbuild|vitest|typescript|@biomejs|knip|zod)\//);
    expect(files).toContain('llama-addon.node');
    expect(files.includes('/libggml-cpu-sapphirerapids.so')).toBe(process.arch === 'x64');
    expect(files).not.toContain('libggml-cpu-amx');
  });

  it('has its licence, and the notices of every package that its bundles have code of', async () => {
    const [notices, licence, maps, manifest] = await Promise.all([
      inImage('cat', '/app/THIRD-PARTY-NOTICES.txt'),
      inImage('cat', '/app/LICENSE'),
      inImage('find', '/app/dist', '-name', '*.mjs.map', '-exec', 'cat', '{}', '+'),
      inImage('cat', '/app/dist/model/model.json'),
    ]);
    // The bundles' own maps name their sources: another witness than the one that the notices are made by.
    const packages = new Set(
      [...maps.matchAll(/node_modules\/((?:@[^/"]+\/)?[^/"]+)\/[^"]*"/g)].map(([, name = '']) => name),
    );

    expect(licence).toMatch(/^MIT License\n/);
    expect(packages.size).toBeGreaterThan(20);
    const others = [
      'aws-lambda-ric',
      'node-llama-cpp',
      'llama.cpp',
      'aws-lambda-rie',
      JSON.parse(manifest).name,
    ];
    for (const name of [...packages, ...others]) expect(notices).toMatch(toListedComponent(name));
  });

  it('has a list of its components with their hashes, which is valid CycloneDX', async () => {
    const [sbom, notices, manifest] = await Promise.all(
      ['sbom.cdx.json', 'THIRD-PARTY-NOTICES.txt', 'dist/model/model.json'].map((path) =>
        inImage('cat', `/app/${path}`),
      ),
    );
    const { components } = JSON.parse(sbom ?? '') as { components: Component[] };
    const list = notices?.split('='.repeat(80))[0]?.match(/^ {2}(\S+)(?: \S+)?: /gm) ?? [];
    const listed = new Set(list.map((line) => line.trim().split(/[: ]/)[0]));
    const names = new Set(
      components.map(({ group, name }) => (group === undefined ? name : `${group}/${name}`)),
    );
    const { name, sha256 } = JSON.parse(manifest ?? '') as typeof model;

    expect(await findSbomFaults(sbom ?? '')).toBe('');
    expect(names).toEqual(listed);
    expect(components.filter(({ hashes }) => hashes === undefined).map((each) => each.name)).toEqual([
      'llama.cpp',
    ]);
    expect(components).toContainEqual(
      expect.objectContaining({
        name,
        type: 'machine-learning-model',
        hashes: [{ alg: 'SHA-256', content: sha256 }],
      }),
    );
  });

  it('opens its native modules, with all that they look for in each other', async () => {
    const script = `for (const name of ['llama-addon', 'inference']) {
      const module = { exports: {} };
      process.dlopen(module, process.cwd() + '/' + name + '.node');
      console.log(Object.keys(module.exports).join());
    }`;
    const folder = '/app/node_modules/@node-llama-cpp/*/bins/*';
    const [addon, inference] = (await inImage('sh', '-c', `cd ${folder} && exec node -e "$0"`, script)).split(
      '\n',
    );

    expect(addon).toContain('AddonContext');
    expect(inference?.split(',')).toEqual(expect.arrayContaining(['Inference', 'TokenLoop']));
  });

  it('has the model it was built with, verified, in a layer that code does not touch', async () => {
    const manifest = JSON.parse(await inImage('cat', '/app/dist/model/model.json'));
    const sum = await inImage('sha256sum', `/app/dist/model/${manifest.file}`);

    expect(manifest).toEqual(model);
    expect(sum.split(' ')[0]).toBe(model.sha256);
  });
});

describe("the README's lines", () => {
  it('serve the image on port 8000, where its curl lines are answered', async () => {
    expect(await canConnect(8000), 'another program has port 8000, which the README names').toBe(false);
    const server = startShell(findCommand('README.md', 'docker run'));
    try {
      await server.untilPrinted('answers at');
      const chat = JSON.parse(await runShell(findCommand('README.md', 'curl -s http://127.0.0.1:8000/v1/')));
      const answer = JSON.parse(
        await runShell(findCommand('README.md', 'curl -s http://127.0.0.1:8000/2015-03-31/')),
      );

      expect(chat.choices[0].message.content).toBe('The capital of France is Paris.');
      expect(answer).toMatchObject({ object: 'text_completion', choices: [{ finish_reason: 'length' }] });
      expect(answer.choices[0].text).toMatch(/^ Paris/);
    } finally {
      server.interrupt();
      await server.ended;
    }
  });
});

describe('the compose file of docs/self-host.md', () => {
  const key = 'a key';
  const volume = `gguf-lambda-${randomBytes(4).toString('hex')}`;
  const { service, options } = readComposeFile({ API_KEY: key });
  afterAll(async () => void (await docker('volume', 'rm', '--force', volume)));

  interface Chat {
    readonly status: number;
    readonly body: {
      readonly choices: readonly [{ readonly message: object }];
      readonly usage: {
        readonly prompt_tokens: number;
        readonly prompt_tokens_details: { readonly cached_tokens: number };
      };
    };
  }

  async function ask(container: Container, apiKey: string, messages: readonly object[]): Promise<Chat> {
    const response = await fetch(`${new URL(container.url).origin}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}` },
      body: JSON.stringify({ messages, max_tokens: 20, temperature: 0 }),
    });
    return { status: response.status, body: (await response.json()) as Chat['body'] };
  }

  it('names the image and the port of README.md', () => {
    expect(findCommand('README.md', 'docker build')).toContain(` -t ${service.image} `);
    expect(findCommand('README.md', 'docker run')).toContain(`-p ${service.ports} `);
  });

  it('has settings under which the image serves, and keeps states in the volume', async () => {
    const withVolume = options.map((option) => option.replace(/^states:/, `${volume}:`));
    const turn = [{ role: 'user', content: `${'One of many words. '.repeat(50)}What is 2+2?` }];
    const first = await startContainer(withVolume);
    expect(await ask(first, 'another', turn)).toMatchObject({ status: 401 });
    const { body: answered } = await ask(first, key, turn);
    await first.stop();
    const second = await startContainer(withVolume);
    const next = [...turn, answered.choices[0].message, { role: 'user', content: 'And 3+3?' }];
    const { usage } = (await ask(second, key, next)).body;
    await second.stop();

    expect(answered.usage.prompt_tokens).toBeGreaterThan(200);
    expect(usage.prompt_tokens_details.cached_tokens).toBeGreaterThan(answered.usage.prompt_tokens);
  });

  it('keeps the volume writable for the image, which runs without root', async () => {
    expect(await inImage('stat', '--format', '%u:%g', '/states')).toBe('1000:1000');
  });
});

describe('a prompt that begins with a prefix which was evaluated when the image was built', () => {
  it('pays for the rest only, in a container that has just started', async () => {
    const container = await startContainer(['--read-only', '--cap-drop', 'all']);
    const { status, body } = await invoke(container.url, { prompt: `${prefix} Be kind.`, max_tokens: 1 });

    expect(status).toBe(200);
    const { prompt_tokens: all, prompt_tokens_details: details } = body.usage as {
      prompt_tokens: number;
      prompt_tokens_details: { cached_tokens: number };
    };
    expect(all).toBeGreaterThan(140);
    expect(all - details.cached_tokens).toBeLessThan(10);
    expect(await container.stop()).toBe(0);
  });
});

describe.each([
  ['0.5', '1g'],
  ['1', '1g'],
])('docker run with %s CPUs, %s of memory, read-only, all capabilities dropped', (cpus, memory) => {
  let container: Container;

  beforeAll(async () => {
    const limits = [
      '--cpus',
      cpus,
      '--memory',
      memory,
      '--read-only',
      '--tmpfs',
      '/tmp',
      '--cap-drop',
      'all',
    ];
    container = await startContainer(limits);
  });

  it('answers on the invoke URL', async () => {
    const { status, body } = await invoke(container.url, readEvent('completion'));

    expect(status).toBe(200);
    expect(body).toMatchObject({
      model: model.name,
      choices: [{ text: expect.stringMatching(/^ Paris/), finish_reason: 'length' }],
    });
  });

  it('is an OpenAI server beside it, and streams', async () => {
    const response = await fetch(`${new URL(container.url).origin}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        prompt: 'The capital of France is',
        max_tokens: 4,
        temperature: 0,
        stream: true,
      }),
    });
    const events = (await response.text()).trim().split('\n\n');

    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(events.length).toBeGreaterThanOrEqual(5);
    expect(events[0]).toMatch(/^data: .*" Paris"/);
    expect(events.at(-1)).toBe('data: [DONE]');
  });

  describe('greedily', () => itAnswersGreedily(() => container));

  it('runs nothing as root', async () => {
    const users = await docker('exec', container.id, 'sh', '-c', 'cat /proc/[0-9]*/status | grep ^Uid:');
    const effective = users.split('\n').map((line) => line.split(/\s+/)[2]);

    expect(effective.length).toBeGreaterThanOrEqual(3);
    expect(new Set(effective)).toEqual(new Set(['1000']));
  });

  it('stops when it is asked to', async () => {
    expect(await container.stop()).toBe(0);
  });
});

describe('on Lambda', () => {
  /** Runs the image against a Runtime API until it has posted something; fails when it ends before. */
  async function runOnLambda(env: Record<string, string>) {
    const api = await startRuntimeApi();
    const variables = { ...runtimeVariables(api, 'completion'), ...env };
    const options = Object.entries(variables).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
    const id = await docker(
      ...['run', '--detach', '--network', 'host', '--read-only', '--tmpfs', '/tmp', ...options, image],
    );
    try {
      const ended = docker('wait', id).then(async () => {
        const log = await docker('logs', id);
        throw new Error(`It ended without a word to the Runtime API: ${log}`);
      });
      const { path, body } = await Promise.race([api.invoke(readEvent('completion')), ended]);
      return { path, body: JSON.parse(body) as unknown };
    } finally {
      // It may be ending by itself, and an engine cannot remove what is just ending: first it is to be over.
      await docker('kill', id).catch(() => {});
      await docker('wait', id);
      await docker('rm', id);
      api.close();
    }
  }

  it('the same entry runs the runtime interface client', async () => {
    const { path, body } = await runOnLambda({});

    expect(path).toBe('/2018-06-01/runtime/invocation/request-1/response');
    expect(body).toMatchObject({
      id: 'cmpl-request-1',
      choices: [{ text: expect.stringMatching(/^ Paris/) }],
    });
  });

  it('a model that cannot be loaded is an init error', async () => {
    const { path, body } = await runOnLambda({ MODEL_DIR: '/nowhere' });

    expect(path).toBe('/2018-06-01/runtime/init/error');
    expect(body).toMatchObject({ errorMessage: expect.stringContaining('No model in /nowhere') });
  });
});

/** Puts a model into the sources' store, as a checkout has it: another one of the same weights, or of none. */
function store(name: string, bytes?: Buffer): void {
  const from = dirname(modelPath);
  const to = join(sources, 'models/store', name);
  cpSync(from, to, { recursive: true });
  if (bytes !== undefined) writeFileSync(join(to, basename(modelPath)), bytes);
}

/** Adds a model to the sources' catalog: the default one under another name, which no source has. */
function addToCatalog(name: string): void {
  const path = join(sources, 'models/catalog.json');
  const catalog = JSON.parse(readFileSync(path, 'utf8'));
  const entry = { ...catalog.models[0], name, sources: ['file:/nowhere.gguf'] };
  writeFileSync(path, JSON.stringify({ ...catalog, models: [...catalog.models, entry] }));
}

describe('--build-arg', () => {
  it('bakes another model of the store, and another size of its context', async () => {
    addToCatalog('another-model');
    store('another-model');

    const settings = ['--build-arg', 'MODEL=another-model', '--build-arg', 'CONTEXT_SIZE=1024'];
    await docker('build', '--tag', 'gguf-lambda:another', ...settings, sources);
    const modelOf = async (...options: string[]) => {
      const container = await startContainer(options, 'gguf-lambda:another');
      const { body } = await invoke(container.url, readEvent('function-url-models'));
      await container.stop();
      return JSON.parse(String(body.body)).data[0];
    };

    expect(await modelOf()).toMatchObject({ id: 'another-model', meta: { n_ctx: 1024 } });
    expect(await modelOf('--env', 'CONTEXT_SIZE=512')).toMatchObject({ meta: { n_ctx: 512 } });
  });

  it('takes one model of the store into its layers, and nothing of the others', async () => {
    addToCatalog('stored-model');
    store('stored-model');
    for (const name of ['large-model', 'larger-model']) store(name, randomBytes(150e6));
    const build = ['--target', 'model', '--build-arg', 'MODEL=stored-model'];
    await docker('build', '--tag', 'gguf-lambda:stages', ...build, sources);
    await docker('build', '--tag', 'gguf-lambda:tools', '--target', 'build', sources);
    const sizes = await Promise.all(
      ['gguf-lambda:stages', 'gguf-lambda:tools'].map((name) =>
        docker('image', 'inspect', '--format', '{{.Size}}', name),
      ),
    );
    const [stage = 0, before = 0] = sizes.map(Number);
    console.log(`The model's stage adds ${((stage - before) / 1e6).toFixed(1)} MB to its base.`);

    expect(stage - before).toBeGreaterThan(model.sizeBytes);
    // The stage also has its tool with the packages that it takes. The other models have 150 MB each.
    expect(stage - before).toBeLessThan(model.sizeBytes + 15e6);
  });

  it('fails the build where the stored model is not the one of the catalog', async () => {
    addToCatalog('broken-model');
    store('broken-model', randomBytes(1000));
    const build = docker('build', '--target', 'model', '--build-arg', 'MODEL=broken-model', sources);

    await expect(build).rejects.toThrow(/is not a GGUF file.* Fetching broken-model instead/);
  });

  it('has the settings it was built with, also where layers of another build are cached', async () => {
    const settingsOf = async (...settings: string[]) => {
      const args = settings.flatMap((setting) => ['--build-arg', setting]);
      await docker('build', '--tag', 'gguf-lambda:settings', ...args, sources);
      const [{ Config: config }] = JSON.parse(await docker('image', 'inspect', 'gguf-lambda:settings'));
      return (config.Env as string[]).filter((variable) => settings.includes(variable));
    };

    // The first differs from the image of the other tests in its context alone, the second from the first in its type.
    for (const settings of [
      ['CONTEXT_SIZE=512', 'KV_TYPE=auto'],
      ['CONTEXT_SIZE=512', 'KV_TYPE=q8_0'],
    ]) {
      expect(await settingsOf(...settings)).toEqual(settings);
    }
  });

  it('refuses another value of COMPILE_AMX', async () => {
    const build = docker('build', '--target', 'libraries', '--build-arg', 'COMPILE_AMX=yes', sources);

    await expect(build).rejects.toThrow(/COMPILE_AMX="yes" cannot be used: expected false, or true on amd64/);
  });

  it.each([
    ['a name that is not in the catalog', 'no-such-model', /The catalog has no "no-such-model"/],
    [
      'a model without a hash',
      'qwen3-4b-q4_k_m',
      /qwen3-4b-q4_k_m has no pinned hash .* model -- fetch qwen3/,
    ],
  ])('fails the build, with one clear line, for %s', async (_, name, line) => {
    // That stage alone: podman 4.3's service dies of a stage that fails beside others.
    const build = docker('build', '--target', 'model', '--build-arg', `MODEL=${name}`, sources);

    await expect(build).rejects.toThrow(line);
  });
});
