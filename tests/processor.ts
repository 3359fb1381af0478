// What this machine's processor has that llama.cpp's figures depend on.
import { readFileSync } from 'node:fs';

const flags = new Set(readFileSync('/proc/cpuinfo', 'utf8').split(/\s+/));

/** With it, llama.cpp rounds otherwise, and pieces of different sizes by more. */
export const hasAmx = flags.has('amx_int8');

/** Of llama.cpp's libraries for processors, some that this one can run, or the best, where there are others. */
export const processorLibraries: readonly string[] =
  process.arch === 'x64'
    ? [
        'libggml-cpu-haswell.so',
        ...(flags.has('avx512_vnni') && flags.has('avx512vbmi') ? ['libggml-cpu-icelake.so'] : []),
        ...(hasAmx ? ['libggml-cpu-amx.so'] : []),
      ]
    : ['best'];
