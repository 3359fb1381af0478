// npm run doctor: says of everything that this project needs whether it is right here, or what mends it. Exit code 1 when something
// is to be mended. Plain JavaScript on built-in modules, because it runs before anything is installed.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { listOldModules } from '../setup/engine.mjs';
import { SetupError } from '../setup/errors.mjs';
import { isInstalled, neededBytes } from '../setup/packages.mjs';
import { fromEnvironment, node24, root } from '../setup/places.mjs';
import { assertNode, assertPlatform, assertTools, freeBytes, toMegabytes } from '../setup/requirements.mjs';
import { print } from './line.mjs';

let isHealthy = true;

function fix(subject, finding) {
  isHealthy = false;
  print('fix', subject, finding);
}

/** Prints what an assertion of the set-up says. */
function check(subject, assertion, finding) {
  try {
    assertion();
    print('ok', subject, finding);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    fix(subject, error.message);
  }
}

function checkDisk(installed) {
  const free = freeBytes(root);
  const finding = `${toMegabytes(free)} MB free at ${root}`;
  if (installed || free >= neededBytes) print('ok', 'disk', finding);
  else fix('disk', `${finding}, and an installation takes ${toMegabytes(neededBytes)} MB: free some space`);
}

async function checkPort() {
  const host = fromEnvironment('HOST') ?? '127.0.0.1';
  const port = Number(fromEnvironment('PORT') ?? 8000);
  const { promise, resolve } = withResolvers();
  const server = createServer()
    .once('error', resolve)
    .once('listening', () => resolve());
  server.listen(port, host);
  const error = await promise;
  server.close();
  if (error === undefined) print('ok', 'port', `${port} of ${host} is free`);
  else if (error.code === 'EADDRINUSE')
    fix('port', `${port} of ${host} is in use: stop its server, or PORT=${port + 1} npm start`);
  else fix('port', `${port} of ${host} cannot be listened on (${error.code}): set HOST and PORT`);
}

/** Promise.withResolvers, which Node 20 has not. */
function withResolvers() {
  let resolve;
  const promise = new Promise((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

function checkContainerEngine() {
  const { error, status } = spawnSync('docker', ['info'], { stdio: 'ignore' });
  if (error !== undefined)
    print('note', 'container engine', "no 'docker' command: building an image needs Docker or podman");
  else if (status !== 0)
    print('note', 'container engine', "it does not answer: run 'docker info' for the reason");
  else print('ok', 'container engine', 'it answers');
}

function checkCredentials() {
  const isSet = ['AWS_ACCESS_KEY_ID', 'AWS_PROFILE', 'AWS_WEB_IDENTITY_TOKEN_FILE'].find(fromEnvironment);
  const files = ['credentials', 'config'].map((name) => join(homedir(), '.aws', name));
  const found = isSet ?? files.find((file) => existsSync(file));
  if (found === undefined)
    print('note', 'AWS credentials', "none: 'aws configure' sets them, for npm run deploy");
  else print('ok', 'AWS credentials', `found: ${found}`);
}

/** What takes the packages: memory, processor, model and speed. */
function checkMachine() {
  const { status } = spawnSync(node24, [join(root, 'tools/doctor/machine.ts')], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) isHealthy = false;
}

check('Node', assertNode, process.versions.node);
check('system', assertPlatform, `${process.platform} ${process.arch}`);
check('tools', assertTools, 'git, a C++ compiler, make, tar, xz, Python 3 and pip are here');
const installed = isInstalled();
checkDisk(installed);
if (!installed) fix('packages', 'not installed, or of another version: npm start');
else if (listOldModules().length > 0) fix('packages', 'the native modules are not compiled: npm start');
else {
  print('ok', 'packages', 'those of package-lock.json are installed');
  checkMachine();
}
await checkPort();
checkContainerEngine();
checkCredentials();
process.exitCode = isHealthy ? 0 : 1;
