// Shows progress as a bar on a terminal. Elsewhere it prints a line per tenth, or per five seconds without a total.
import { SingleBar } from 'cli-progress';
import { formatBytes } from './format.ts';
import { type FormatAmount, Pace, type Progress } from './pace.ts';

const LINE_MILLISECONDS = 5_000;
const WITH_TOTAL = '{bar} {percentage}% | {done} of {size} | {rate} | {left} left';
const WITHOUT_TOTAL = '{done} | {rate}';

/** Shows the progress of one operation after another. */
export interface ProgressDisplay {
  readonly update: (progress: Progress) => void;
  /** Removes the bar and prints a line. */
  readonly line: (text: string) => void;
  /** Removes the bar; the next update starts a new operation. */
  readonly end: () => void;
}

/** Creates a display with amount, rate and time left. `format` formats amounts; default: bytes. */
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

type ProgressOnly = Omit<ProgressDisplay, 'line'>;

function createBar(output: NodeJS.WriteStream, format: FormatAmount): ProgressOnly {
  let bar: SingleBar | undefined;
  let layout = '';
  let pace: Pace | undefined;
  const removeBar = () => {
    bar?.stop();
    bar = undefined;
  };
  const end = () => {
    removeBar();
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
      const neededLayout = total === null ? WITHOUT_TOTAL : WITH_TOTAL;
      if (neededLayout !== layout) removeBar();
      if (!bar) {
        layout = neededLayout;
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

function createLines(output: NodeJS.WriteStream, format: FormatAmount): ProgressOnly {
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
