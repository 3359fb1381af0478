// /tmp that is read-only, full, or not there, each in a mount namespace of its own.
import { spawnSync } from 'node:child_process';
import { type Attack, originOf, type Target } from '../target.ts';

/** Shell commands that spoil /tmp, and whether /dev/shm is spoilt with it. */
const folders: Readonly<Record<string, string>> = {
  'a read-only /tmp': 'mount -t tmpfs -o ro none /tmp',
  'a full /tmp':
    'mount -t tmpfs -o size=16k none /tmp; head -c 1000000 /dev/zero >/tmp/full 2>/dev/null || :',
  'a /tmp without inodes': 'mount -t tmpfs -o nr_inodes=1 none /tmp',
};

const nowhere = 'mount -t tmpfs -o ro none /tmp; mount -t tmpfs -o ro none /dev/shm';

export const spoilTemporaryFolder: Attack = {
  name: '/tmp',
  run: async (target) => {
    const { status, stderr } = spawnSync('unshare', ['-m', 'true'], { encoding: 'utf8' });
    if (status !== 0) {
      target.skip('/tmp that is read-only or full', `mounts need root (${stderr?.trim()})`);
      return;
    }
    for (const [name, commands] of Object.entries(folders)) await serveWith(target, name, commands);
    await refuseWith(target, nowhere);
  },
};

const within = (commands: string) => ['unshare', '-m', 'sh', '-c', `${commands}; exec "$@"`, 'sh'];

async function serveWith(target: Target, name: string, commands: string): Promise<void> {
  target.count('starts with a spoilt /tmp');
  try {
    const front = await target.startAnother({}, { through: within(commands) });
    await target.checkReference(name, front);
    await target.checkInvocation(name, front);
    const body = { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 4, stream: true };
    const answer = await target.ask({ path: '/v1/chat/completions', body }, { origin: originOf(front) });
    if (!answer?.text.includes('[DONE]')) target.fault(`${name}: ${answer?.text}`);
    const { code } = await front.end('SIGTERM');
    if (code !== 0) target.fault(`exit code ${code} with ${name}`);
  } catch (error) {
    target.fault(`${name}: ${String(error)}`);
  }
}

async function refuseWith(target: Target, commands: string): Promise<void> {
  target.count('starts with a spoilt /tmp');
  const outcome = await target.startAnother({}, { through: within(commands) }).then(
    async (front) => {
      await front.end('SIGTERM');
      return 'it serves';
    },
    (error: Error) => error.message,
  );
  if (!/^exit code 1: gguf-lambda: [^\n]*TMPDIR[^\n]*\n$/.test(outcome))
    target.fault(`no folder that can be written to: ${outcome}`);
}
