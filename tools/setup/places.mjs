// Where a checkout keeps what the set-up makes.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** What can be made again at any time. */
export const cache = join(root, '.cache');

const platform = `${process.platform}-${process.arch}`;

/** The Node that the project runs on. */
export const node24 = join(root, 'node_modules/.bin/node');

/** A file among llama.cpp's prebuilt ones for this machine, where what is compiled for them lies too. */
export function besidePrebuilt(file) {
  return join(root, `node_modules/@node-llama-cpp/${platform}/bins/${platform}`, file);
}

/** Node's C headers in a folder of packages: the `node` package brings them, so they need not come from Node's own site. */
export function nodeHeaders(folder) {
  return join(folder, `node/node_modules/node-${platform}`);
}

/** What the install scripts of packages make. Without these nothing runs. */
export function installedFiles(folder) {
  return [
    join(folder, '.bin/node'),
    join(folder, 'aws-lambda-ric/rapid-client.node'),
    join(folder, `@node-llama-cpp/${platform}/bins/${platform}/llama-addon.node`),
  ];
}

/** A variable's value. Blanks alone are none. */
export function fromEnvironment(name) {
  return process.env[name]?.trim() || undefined;
}
