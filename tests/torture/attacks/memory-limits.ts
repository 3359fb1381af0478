// The largest requests that are accepted, with 512 MB, 1 GB and 2 GB of memory for all processes together.
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FrontProcess } from '../../model/front-process.ts';
import type { Case } from '../mutations.ts';
import { type Attack, originOf, type Target } from '../target.ts';

const megabytes = [512, 1024, 2048];
const mebibyte = 2 ** 20;
/** A body may have 6 MiB; the rest of the request is beside it. */
const bodyBytes = 6 * mebibyte - 1000;
const context = 2048;

/** A control group with a limit, as version 1 or version 2 of the kernel's interface has it. */
interface Group {
  readonly folder: string;
  readonly limit: string;
  readonly swap: string;
  /** The most that was taken, in bytes. */
  readonly peak: () => number;
  /** How many processes were killed for want of memory. */
  readonly kills: () => number;
}

export const limitMemory: Attack = {
  name: 'memory limits',
  isLong: true,
  run: async (target) => {
    for (const size of megabytes) {
      let group: Group;
      try {
        group = createGroup(size);
      } catch (error) {
        target.skip('memory limits', `no control group can be made (${String(error)})`);
        return;
      }
      await attackWithin(target, group, size);
      rmdirSync(group.folder);
    }
  },
};

async function attackWithin(target: Target, group: Group, size: number): Promise<void> {
  const name = `${size} MB`;
  const join = `echo $$ >${group.folder}/cgroup.procs; exec "$@"`;
  let front: FrontProcess | undefined;
  try {
    front = await target.startAnother(
      { CONTEXT_SIZE: String(context) },
      { through: ['sh', '-c', join, 'sh'] },
    );
    const [runtime] = front.runtimePids();
    const origin = originOf(front);
    const asked = largestRequests(front).flatMap((each) => [each, each]);
    for (const each of asked) await ask(target, each, { origin, name });
    // As many at once as there are clients in the other attacks.
    await Promise.all(largestRequests(front).map((each) => ask(target, each, { origin, name })));
    await target.checkReference(`the largest requests in ${name}`, front);
    if (front.runtimePids()[0] !== runtime) target.fault(`the runtime was replaced in ${name}`);
  } catch (error) {
    target.fault(`${name}: ${String(error)}`);
  }
  await front?.end('SIGTERM');
  if (group.kills() > 0) target.fault(`${group.kills()} processes were killed for want of memory in ${name}`);
  console.log(`torture: at most ${Math.round(group.peak() / mebibyte)} MiB of ${name} were taken`);
}

async function ask(
  target: Target,
  each: Case,
  { origin, name }: { origin: string; name: string },
): Promise<void> {
  target.count(`largest requests in ${name}`);
  const answer = await target.ask(each, { origin });
  if (answer === undefined) return;
  target.count(`status ${answer.status} in ${name}`);
  target.judge(each, answer);
}

function largestRequests({ url }: FrontProcess): Case[] {
  const path = '/v1/completions';
  const words = 'word '.repeat(context - 100);
  const most = 'a'.repeat(bodyBytes);
  const text = (bytes: number) => 'The sea is wide. '.repeat(bytes / 17);
  return [
    { path, body: { prompt: words, max_tokens: 90, logprobs: 20, ignore_eos: true } },
    { path, body: { prompt: 'Hi', n: 8, max_tokens: 200, logprobs: 20, ignore_eos: true } },
    { path, body: { prompt: most, max_tokens: 1 } },
    { path, body: { prompt: text(400_000), max_tokens: 1 } },
    { path, body: { prompt: 'Hi', max_tokens: 1, foreign: most } },
    { path, body: { prompt: 'Hi', max_tokens: 1, foreign: Array(1_500_000).fill([]) } },
    { path, body: { prompt: 'Hi', max_tokens: 1, grammar: `root ::= "${'a'.repeat(250_000)}"` } },
    { path, body: { prompt: 'Hi', max_tokens: 1, grammar: `root ::= ${'[a-z] '.repeat(40_000)}` } },
    {
      path,
      body: {
        prompt: 'Hi',
        max_tokens: 2,
        json_schema: { enum: Array.from({ length: 5000 }, (_, index) => `${index} is the number`) },
      },
    },
    { path: '/tokenize', body: { content: text(400_000) } },
    { path: '/v1/embeddings', body: { input: Array(200).fill(text(1700)) } },
    { path: url, body: { prompt: most, max_tokens: 1 } },
    { path: url, body: { prompt: words, max_tokens: 90, logprobs: 20, ignore_eos: true } },
  ];
}

function createGroup(size: number): Group {
  const name = `gguf-lambda-torture-${process.pid}-${size}`;
  const read = (folder: string, file: string) => readFileSync(join(folder, file), 'utf8');
  const groups: Group[] = [
    {
      folder: `/sys/fs/cgroup/memory/${name}`,
      limit: 'memory.limit_in_bytes',
      swap: 'memory.memsw.limit_in_bytes',
      peak() {
        return Number(read(this.folder, 'memory.max_usage_in_bytes'));
      },
      kills() {
        return Number(/^oom_kill (\d+)/m.exec(read(this.folder, 'memory.oom_control'))?.[1] ?? 0);
      },
    },
    {
      folder: `/sys/fs/cgroup/${name}`,
      limit: 'memory.max',
      swap: 'memory.swap.max',
      peak() {
        return Number(read(this.folder, 'memory.peak'));
      },
      kills() {
        return Number(/^oom_kill (\d+)/m.exec(read(this.folder, 'memory.events'))?.[1] ?? 0);
      },
    },
  ];
  let reason: unknown;
  for (const group of groups) {
    try {
      mkdirSync(group.folder);
      writeFileSync(join(group.folder, group.limit), String(size * mebibyte));
      return group;
    } catch (error) {
      reason = error;
    }
  }
  throw reason;
}
