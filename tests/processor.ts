// Which of llama.cpp's libraries this machine's processor can run.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { hasAmx, processorFlags } from '../native/processor.ts';

/** The library for AMX that a start would take: the compiled one, which replaces the prebuilt one, if there is one. */
function amxLibrary(): string {
  const entry = createRequire(import.meta.url).resolve(`@node-llama-cpp/linux-${process.arch}`);
  const compiled = 'libggml-cpu-amx.so';
  const folder = join(dirname(dirname(entry)), `bins/linux-${process.arch}`);
  return existsSync(join(folder, compiled)) ? compiled : 'libggml-cpu-sapphirerapids.so';
}

/** Of llama.cpp's libraries for processors, some that this one can run, or the best, where there are others. */
export const processorLibraries: readonly string[] =
  process.arch === 'x64'
    ? [
        'libggml-cpu-haswell.so',
        ...(processorFlags.has('avx512_vnni') && processorFlags.has('avx512vbmi')
          ? ['libggml-cpu-icelake.so']
          : []),
        ...(hasAmx ? [amxLibrary()] : []),
      ]
    : ['best'];
