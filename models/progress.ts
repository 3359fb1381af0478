// Progress on a terminal as a bar, elsewhere as a line for every tenth, or every few seconds where no total is known.
import { SingleBar } from 'cli-progress';
import type { TransferProgress } from '../functions/shared/model/transfer.ts';
import { formatBytes } from './format.ts';
import { Pace } from './pace.ts';

const LINE_MILLISECONDS = 5_000;
const WITH_TOTAL = '{bar} {percentage}% | {done} of {size} | {rate} | {left} left';
const WITHOUT_TOTAL = '{done} | {rate}';

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
  const transfer = output.isTTY ? createBar(output) : createLines(output);
  return {
    ...transfer,
    line: (text) => {
      transfer.end();
      output.write(`${text}\n`);
    },
  };
}

/** How one kind of output shows the transfers themselves. */
type TransferDisplay = Omit<ProgressDisplay, 'line'>;

function createBar(output: NodeJS.WriteStream): TransferDisplay {
  let bar: SingleBar | undefined;
  let format = '';
  let pace: Pace | undefined;
  const takeAway = () => {
    bar?.stop();
    bar = undefined;
  };
  const end = () => {
    takeAway();
    pace = undefined;
  };
  return {
    end,
    update: (progress) => {
      const { transferredBytes, totalBytes } = progress;
      pace ??= new Pace(transferredBytes);
      const fields = {
        done: formatBytes(transferredBytes),
        size: formatBytes(totalBytes ?? 0),
        rate: pace.rate(progress),
        left: pace.timeLeft(progress),
      };
      const fitting = totalBytes === null ? WITHOUT_TOTAL : WITH_TOTAL;
      if (fitting !== format) takeAway();
      if (!bar) {
        format = fitting;
        bar = new SingleBar({ format, stream: output, barsize: 16, hideCursor: true, clearOnComplete: true });
        bar.start(totalBytes ?? 0, transferredBytes, fields);
        return;
      }
      bar.setTotal(totalBytes ?? 0);
      bar.update(transferredBytes, fields);
    },
  };
}

function createLines(output: NodeJS.WriteStream): TransferDisplay {
  let lastTenth = 0;
  let lastLineAt = 0;
  let pace: Pace | undefined;
  const end = () => {
    lastTenth = 0;
    pace = undefined;
  };
  return {
    end,
    update: (progress) => {
      const { transferredBytes, totalBytes } = progress;
      if (!pace) {
        pace = new Pace(transferredBytes);
        lastLineAt = performance.now();
      }
      if (totalBytes === null) {
        if (performance.now() - lastLineAt < LINE_MILLISECONDS) return;
        lastLineAt = performance.now();
        output.write(`${formatBytes(transferredBytes)}, ${pace.rate(progress)}\n`);
        return;
      }
      const tenth = totalBytes > 0 ? Math.floor((transferredBytes / totalBytes) * 10) : 10;
      if (tenth <= lastTenth) return;
      lastTenth = tenth;
      const amount = `${tenth * 10}% of ${formatBytes(totalBytes)}`;
      output.write(`${amount}, ${pace.rate(progress)}, ${pace.timeLeft(progress)} left\n`);
    },
  };
}
