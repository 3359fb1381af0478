// Progress on a terminal as a bar, elsewhere as a line for every tenth, or every few seconds where no total is known.
import { SingleBar } from 'cli-progress';
import { formatBytes } from './format.ts';
import { type FormatAmount, Pace, type Progress } from './pace.ts';

const LINE_MILLISECONDS = 5_000;
const WITH_TOTAL = '{bar} {percentage}% | {done} of {size} | {rate} | {left} left';
const WITHOUT_TOTAL = '{done} | {rate}';

/** Shows one thing after the other that takes its time. */
export interface ProgressDisplay {
  readonly update: (progress: Progress) => void;
  /** Prints a line, below the bar if there is one. */
  readonly line: (text: string) => void;
  /** Takes the bar away. */
  readonly end: () => void;
}

/** A display for an output stream: a bar with amount, rate and time left on a terminal, plain lines elsewhere. */
export function createProgressDisplay(
  output: NodeJS.WriteStream,
  format: FormatAmount = formatBytes,
): ProgressDisplay {
  const display = output.isTTY ? createBar(output, format) : createLines(output, format);
  return {
    ...display,
    line: (text) => {
      display.end();
      output.write(`${text}\n`);
    },
  };
}

/** How one kind of output shows the progress itself. */
type BareDisplay = Omit<ProgressDisplay, 'line'>;

function createBar(output: NodeJS.WriteStream, format: FormatAmount): BareDisplay {
  let bar: SingleBar | undefined;
  let layout = '';
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
      const { done, total } = progress;
      pace ??= new Pace(done, format);
      const fields = {
        done: format(done),
        size: format(total ?? 0),
        rate: pace.rate(progress),
        left: pace.timeLeft(progress),
      };
      const fitting = total === null ? WITHOUT_TOTAL : WITH_TOTAL;
      if (fitting !== layout) takeAway();
      if (!bar) {
        layout = fitting;
        bar = new SingleBar({
          format: layout,
          stream: output,
          barsize: 16,
          hideCursor: true,
          clearOnComplete: true,
        });
        bar.start(total ?? 0, done, fields);
        return;
      }
      bar.setTotal(total ?? 0);
      bar.update(done, fields);
    },
  };
}

function createLines(output: NodeJS.WriteStream, format: FormatAmount): BareDisplay {
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
      const { done, total } = progress;
      if (!pace) {
        pace = new Pace(done, format);
        lastLineAt = performance.now();
      }
      if (total === null) {
        if (performance.now() - lastLineAt < LINE_MILLISECONDS) return;
        lastLineAt = performance.now();
        output.write(`${format(done)}, ${pace.rate(progress)}\n`);
        return;
      }
      const tenth = total > 0 ? Math.floor((done / total) * 10) : 10;
      if (tenth <= lastTenth) return;
      lastTenth = tenth;
      const amount = `${tenth * 10}% of ${format(total)}`;
      output.write(`${amount}, ${pace.rate(progress)}, ${pace.timeLeft(progress)} left\n`);
    },
  };
}
