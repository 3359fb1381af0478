// What llama-cpp-python says about the default model, on the kind of processor that this machine has.
import { readFileSync } from 'node:fs';
import { hasAmx } from '../../native/processor.ts';

/** Made by `reference/make-reference.py`. */
export function readReference<Reference>(): Reference {
  const name = hasAmx ? 'log-probabilities.amx.json' : 'log-probabilities.json';
  return JSON.parse(readFileSync(new URL(`reference/${name}`, import.meta.url), 'utf8')) as Reference;
}
