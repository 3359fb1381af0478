// What llama-cpp-python says about the default model, on the kind of processor that this machine has.
import { readFileSync } from 'node:fs';

/** Made by `reference/make-reference.py`. */
export function readReference<Reference>(): Reference {
  const hasAmx = readFileSync('/proc/cpuinfo', 'utf8').includes('amx_int8');
  const name = hasAmx ? 'log-probabilities.amx.json' : 'log-probabilities.json';
  return JSON.parse(readFileSync(new URL(`reference/${name}`, import.meta.url), 'utf8')) as Reference;
}
