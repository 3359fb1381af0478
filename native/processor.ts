// What this machine's processor has that decides how fast llama.cpp is, and how it rounds. As Linux tells it.
import { readFileSync } from 'node:fs';

export const processorFlags: ReadonlySet<string> = new Set(
  readFileSync('/proc/cpuinfo', 'utf8').split(/\s+/),
);

/** Whether it has AMX, by which llama.cpp reads prompts in a fraction of the time, and rounds otherwise. */
export const hasAmx = processorFlags.has('amx_int8');

/** Whether it has AVX-512. With AVX2 alone llama.cpp rounds otherwise, too. */
export const hasAvx512 = processorFlags.has('avx512f');
