// Makes a checkout ready to run: what is missing or stale is installed, fetched and built, and nothing else.
// Plain JavaScript on built-in modules, because it runs on the user's own Node before anything is installed.
//
//   node tools/setup.mjs            all that `npm start` takes: the default model, the emulator and the bundles too
//   node tools/setup.mjs engine     packages, and what is compiled beside llama.cpp's prebuilt libraries
//                                   (COMPILE_AMX=true: llama.cpp's library for AMX too, docs/decisions/0014)
//   node tools/setup.mjs packages   packages only, for what evaluates no prompt
import { InterruptedError, SetupError } from './setup/errors.mjs';
import { assertNode, assertPlatform } from './setup/requirements.mjs';

const [, , part = 'all'] = process.argv;
try {
  assertNode();
  assertPlatform();
  const { setUpPackages } = await import('./setup/packages.mjs');
  await setUpPackages();
  if (part !== 'packages') {
    const { setUpModules, setUpAmxLibrary } = await import('./setup/engine.mjs');
    await setUpModules();
    await setUpAmxLibrary();
  }
  if (part === 'all') {
    const { setUpDist } = await import('./setup/dist.mjs');
    await setUpDist();
  }
} catch (error) {
  const isExpected = error instanceof SetupError || error instanceof InterruptedError;
  const isDiskFull = error.code === 'ENOSPC' || error.code === 'EDQUOT';
  if (!isExpected && !isDiskFull) throw error;
  const message = isDiskFull
    ? `the disk is full: ${error.path ?? error.message}. Free some space and run it again.`
    : error.message;
  process.stderr.write(`setup: ${message}\n`);
  process.exit(error.exitCode ?? 1);
}
