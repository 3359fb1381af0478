// Compiles llama.cpp's library for x86 processors with AMX, in the place of the prebuilt one, which another compiler makes
// a sixth slower (docs/decisions/0014). Takes git, and Zig from its Python package (zig.txt), whose C++ compiler is Clang.
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { compileFile, prebuilt } from './llama-cpp.mjs';

const run = promisify(execFile);

/** Runs where the C library is that of the prebuilt libraries' or a later one. */
const target = ['-target', 'x86_64-linux-gnu.2.35'];

/** What llama.cpp calls Sapphire Rapids, as its own build has it (ggml/src/CMakeLists.txt). */
const features = {
  compiler:
    'sse4.2 f16c fma bmi2 avx avx2 avx512f avx512cd avx512vl avx512dq avx512bw avx512vbmi avx512vnni avx512bf16 amx-tile amx-int8',
  ggml: 'SSE42 F16C FMA BMI2 AVX AVX2 AVX512 AVX512_VBMI AVX512_VNNI AVX512_BF16 AMX_TILE AMX_INT8',
};

async function compile(sources, output) {
  const ggml = join(sources, 'ggml/src');
  const cpu = join(ggml, 'ggml-cpu');
  const folders = [cpu, join(cpu, 'amx'), join(cpu, 'llamafile'), join(cpu, 'arch/x86')];
  const files = folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((file) => /\.c(?:pp)?$/.test(file))
      .map((file) => join(folder, file)),
  );
  const flags = [
    // Not tuned for one processor: with -mtune=sapphirerapids Clang's decode is half as fast.
    ...['-O3', '-DNDEBUG', '-fPIC', '-w'],
    ...features.compiler.split(' ').map((each) => `-m${each}`),
    ...features.ggml.split(' ').map((each) => `-DGGML_${each}`),
    ...['-DGGML_BACKEND_BUILD', '-DGGML_BACKEND_DL', '-DGGML_BACKEND_SHARED', '-DGGML_SHARED'],
    ...['-DGGML_USE_CPU_REPACK', '-DGGML_USE_LLAMAFILE', '-D_GNU_SOURCE', '-D_XOPEN_SOURCE=600'],
    ...[ggml, cpu, join(sources, 'ggml/include')].flatMap((folder) => ['-I', folder]),
  ];
  const objects = join(sources, 'objects');
  mkdirSync(objects);
  const cache = join(sources, 'zig');
  const env = { ...process.env, ZIG_GLOBAL_CACHE_DIR: cache, ZIG_LOCAL_CACHE_DIR: cache };
  const zig = (language, args) =>
    run('python3', ['-m', 'ziglang', language, ...target, ...args], { env }).catch((error) => {
      process.stderr.write(error.stderr ?? '');
      throw error;
    });
  const waiting = files.entries();
  const compileWaiting = async () => {
    for (const [index, file] of waiting) {
      const language = file.endsWith('.c') ? 'cc' : 'c++';
      await zig(language, [...flags, '-c', file, '-o', join(objects, `${index}.o`)]);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, compileWaiting));
  const compiled = readdirSync(objects).map((file) => join(objects, file));
  await zig('c++', ['-shared', '-s', ...compiled, '-o', output, '-L', prebuilt, '-l:libggml-base.so']);
}

await compileFile('libggml-cpu-amx.so', ['ggml'], compile);
// Of two that suit a processor alike, llama.cpp would take either.
if (process.exitCode === undefined) rmSync(join(prebuilt, 'libggml-cpu-sapphirerapids.so'), { force: true });
