// Which of llama.cpp's libraries this machine's processor can run.
import { hasAmx, processorFlags } from '../native/processor.ts';

/** Of llama.cpp's libraries for processors, some that this one can run, or the best, where there are others. */
export const processorLibraries: readonly string[] =
  process.arch === 'x64'
    ? [
        'libggml-cpu-haswell.so',
        ...(processorFlags.has('avx512_vnni') && processorFlags.has('avx512vbmi')
          ? ['libggml-cpu-icelake.so']
          : []),
        ...(hasAmx ? ['libggml-cpu-amx.so'] : []),
      ]
    : ['best'];
