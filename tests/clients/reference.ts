// The results of llama-cpp-python for the default model, on the kind of processor of this machine.
import { readFileSync } from 'node:fs';
import { hasAmx } from '../../native/processor.ts';

/** Reads the results that `reference/make-reference.py` wrote. */
export function readReference<Reference>(): Reference {
  const name = hasAmx ? 'log-probabilities.amx.json' : 'log-probabilities.json';
  return JSON.parse(readFileSync(new URL(`reference/${name}`, import.meta.url), 'utf8')) as Reference;
}
