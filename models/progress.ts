// Progress on a terminal as a bar, elsewhere as a line for every tenth.
import { SingleBar } from 'cli-progress';
import type { TransferProgress } from '../functions/shared/model/transfer.ts';
import { formatBytes } from './format.ts';

/** Shows transfers one after the other. */
export interface ProgressDisplay {
  readonly update: (progress: TransferProgress) => void;
  /** Prints a line, below the bar if there is one. */
  readonly line: (text: string) => void;
  /** Takes the bar away. */
  readonly end: () => void;
}

/** A display for an output stream: a bar with bytes, rate and time left on a terminal, plain lines elsewhere. */
export function createProgressDisplay(output: NodeJS.WriteStream): ProgressDisplay {
  return output.isTTY ? createBar(output) : createLines(output);
}

function createBar(output: NodeJS.WriteStream): ProgressDisplay {
  let bar: SingleBar | undefined;
  let startedAt = 0;
  let startedWith = 0;
  const end = () => {
    bar?.stop();
    bar = undefined;
  };
  return {
    end,
    line: (text) => {
      end();
      output.write(`${text}\n`);
    },
    update: ({ transferredBytes, totalBytes }) => {
      if (totalBytes === null) return;
      if (!bar) {
        startedAt = performance.now();
        startedWith = transferredBytes;
        const format = '{bar} {percentage}% | {done} of {size} | {rate}/s | {eta_formatted} left';
        bar = new SingleBar({
          format,
          stream: output,
          hideCursor: true,
          clearOnComplete: true,
          etaBuffer: 50,
        });
        bar.start(totalBytes, transferredBytes, { done: '', size: formatBytes(totalBytes), rate: '' });
      }
      const seconds = (performance.now() - startedAt) / 1000;
      const rate = formatBytes(seconds > 0 ? (transferredBytes - startedWith) / seconds : 0);
      bar.update(transferredBytes, { done: formatBytes(transferredBytes), rate });
    },
  };
}

function createLines(output: NodeJS.WriteStream): ProgressDisplay {
  let lastTenth = 0;
  return {
    end: () => {
      lastTenth = 0;
    },
    line: (text) => {
      lastTenth = 0;
      output.write(`${text}\n`);
    },
    update: ({ transferredBytes, totalBytes }) => {
      if (!totalBytes) return;
      const tenth = Math.floor((transferredBytes / totalBytes) * 10);
      if (tenth <= lastTenth) return;
      lastTenth = tenth;
      output.write(`${tenth * 10}% of ${formatBytes(totalBytes)}\n`);
    },
  };
}
