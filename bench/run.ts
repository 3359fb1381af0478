// npm run bench -- [measurement…]: measures this project and its peers on this machine, in one run.
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { readThreads } from '../src/config/cpu.ts';
import { readText } from '../src/config/environment.ts';
import { readManifest } from '../src/model/manifest.ts';
import { hasContainers } from './containers.ts';
import { defineLlamaBench } from './llama-bench.ts';
import type { Measurement, Sample } from './measurement.ts';
import { box } from './measurements/box.ts';
import { concurrentStreams } from './measurements/concurrent-streams.ts';
import { conversation, sceneNames } from './measurements/conversation.ts';
import { decisions } from './measurements/decisions.ts';
import { decode } from './measurements/decode.ts';
import { invoke } from './measurements/invoke.ts';
import { joiningStream } from './measurements/joining-stream.ts';
import { jsonOverhead } from './measurements/json-overhead.ts';
import { lookup } from './measurements/lookup.ts';
import { memory } from './measurements/memory.ts';
import { neighbours } from './measurements/neighbours.ts';
import { prefill } from './measurements/prefill.ts';
import { prefix } from './measurements/prefix.ts';
import { quotas } from './measurements/quotas.ts';
import { returning } from './measurements/returning.ts';
import { sizes } from './measurements/sizes.ts';
import { start } from './measurements/start.ts';
import { findPeers, installPeers } from './peers.ts';
import { toPlot } from './plot.ts';
import { toHeading, toReport, toTable } from './report.ts';
import { ggufLambda } from './subjects/gguf-lambda.ts';
import type { BenchModel } from './subjects/subject.ts';

interface Options {
  readonly peers: boolean;
  readonly sizes: boolean;
  readonly rounds: number;
  readonly threads: number;
  /** Undefined measures all conversations. */
  readonly scenes?: readonly string[];
  /** Folder of the table and the plots. */
  readonly to: string;
}

const root = fileURLToPath(new URL('../', import.meta.url));
const peersFolder = join(root, '.cache/peers');
/** Ignored by git. */
const results = join(root, 'bench/results');
const measurements: readonly Measurement[] = [
  start,
  decode,
  neighbours,
  prefill,
  concurrentStreams,
  joiningStream,
  jsonOverhead,
  invoke,
  prefix,
  memory,
  lookup,
  decisions,
  conversation,
  returning,
  quotas,
  box,
];

function readModel(): BenchModel {
  // Without symbolic links, because containers mount this path.
  const directory = realpathSync(readText(process.env, 'MODEL_DIR', join(root, 'dist/model')));
  const { name, file, sizeBytes } = readManifest(directory);
  return { name, directory, path: join(directory, file), bytes: sizeBytes };
}

async function run(names: readonly string[], options: Options): Promise<void> {
  if (options.peers) installPeers(peersFolder);
  const peers = findPeers(peersFolder);
  if (peers.missing.length > 0) {
    print(`skipping peers that are not installed: ${peers.missing.join(', ')}; --peers compiles them`);
  }
  const model = readModel();
  const subjects = [ggufLambda, ...peers.subjects];
  const llamaBench = peers.llamaBench === undefined ? undefined : defineLlamaBench(peers.llamaBench, model);
  const named = measurements.filter(({ name }) => names.length === 0 || names.includes(name));
  const wanted = options.sizes ? [sizes] : named;
  const samples: Sample[] = [];
  const { rounds, threads, scenes } = options;
  const measured: Measurement[] = [];
  for (const measurement of wanted) {
    if (measurement.needsContainers && !(await hasContainers())) {
      print(`skipping ${measurement.name}: no container engine answers 'docker info'`);
      continue;
    }
    print(`${measurement.name}: ${measurement.description}`);
    measured.push(measurement);
    samples.push(...(await measurement.run({ subjects, llamaBench, model, rounds, threads, scenes })));
  }
  const report = toReport({ subjects, model, measurements: measured, samples });
  for (const folder of [results, options.to]) mkdirSync(folder, { recursive: true });
  const table = `${toHeading(report)}\n\n${toTable(report)}`;
  // The samples are thousands of lines, so they stay out of the repository even if --to is inside of it.
  writeFileSync(join(results, 'samples.json'), `${JSON.stringify(report, undefined, 2)}\n`);
  writeFileSync(join(options.to, 'table.txt'), `${table}\n`);
  for (const { name } of report.measurements) {
    writeFileSync(join(options.to, `${name}.svg`), await toPlot(report, name));
  }
  process.stdout.write(`${table}\n`);
}

function print(line: string): void {
  process.stderr.write(`bench: ${line}\n`);
}

function toCount(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number from 1 to 9999.');
}

// The 'exit' event stops the servers, but an unhandled signal would end the process without it.
for (const [signal, code] of [
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => process.exit(code));
}

await new Command('npm run bench --')
  .description('Measure this project, llama-server and llama-cpp-python.')
  .addArgument(
    new Argument('[measurements...]', 'measurements to run (default: all)').choices(
      measurements.map(({ name }) => name),
    ),
  )
  .option('--peers', 'first compile and install the missing peers', false)
  .option('--sizes', 'measure only functions of several sizes and the cost of a million tokens', false)
  .option('--rounds <count>', 'samples per subject', toCount, 5)
  .option('--threads <count>', 'threads of each server', toCount, readThreads(process.env).count)
  .addOption(new Option('--scenes <names...>', 'conversations to measure (default: all)').choices(sceneNames))
  .option('--to <directory>', 'directory for the table and the plots; samples go to bench/results', results)
  .showHelpAfterError('(--help lists the measurements)')
  .action(run)
  .parseAsync();
