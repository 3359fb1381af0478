// The SAM CLI, which checks and runs the template.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findSam } from '../../tools/deploy/sam.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));

/** The environment in which a shell finds `sam`, as it does once a user has installed the SAM CLI. */
export async function environmentWithSam(): Promise<Readonly<Record<string, string>>> {
  const { command, env } = await findSam();
  const bin = mkdtempSync(join(tmpdir(), 'gguf-lambda-sam-'));
  const words = command.map((word) => `'${word}'`).join(' ');
  writeFileSync(join(bin, 'sam'), `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
  return { ...env, AWS_DEFAULT_REGION: 'eu-central-1', PATH: `${bin}:${process.env.PATH}` };
}

/** As the template names it. */
export const machineArchitecture = process.arch === 'arm64' ? 'arm64' : 'x86_64';

interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the SAM CLI in the project's root. Throws with its output when it fails. */
export async function runSam(...args: string[]): Promise<Output> {
  const { command, env } = await findSam();
  const [program, ...first] = command;
  return run(program, [...first, ...args], {
    cwd: root,
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, ...env, AWS_DEFAULT_REGION: 'eu-central-1' },
  });
}

export interface LocalLambda {
  /** Of a client of the AWS SDK. */
  readonly settings: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  };
  end(): Promise<void>;
}

/** Starts `sam local start-lambda`, Lambda's API for the built functions that the options name. */
export async function startLocalLambda(options: readonly string[]): Promise<LocalLambda> {
  const { command, env } = await findSam();
  const [program, ...first] = command;
  const port = await findFreePort();
  const child = spawn(
    program,
    [
      ...first,
      'local',
      'start-lambda',
      ...options,
      '--skip-pull-image',
      '--host',
      '127.0.0.1',
      '--port',
      String(port),
    ],
    {
      cwd: root,
      env: { ...process.env, ...env, AWS_DEFAULT_REGION: 'eu-central-1' },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  const closed = once(child, 'close');
  let log = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      if (log.includes('Running on http://')) resolve();
    });
    void closed.then(() => reject(new Error(`sam local start-lambda ended: ${log}`)));
  });
  return {
    settings: {
      endpoint: `http://127.0.0.1:${port}`,
      region: 'eu-central-1',
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    },
    end: async () => {
      // It takes its containers down.
      child.kill('SIGINT');
      await closed;
    },
  };
}

async function findFreePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
