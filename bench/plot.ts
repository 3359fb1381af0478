// Plots the summaries of a measurement: a bar for the median of each subject, and a line from minimum to maximum.
import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { Report } from './report.ts';
import type { Summary } from './statistics.ts';

const barWidth = 420;
const rowHeight = 20;
/** Of the title, as wide as the bars with their labels. */
const lineCharacters = 64;
/** More are no plot that anybody reads: the table has the rest. */
const mostPanels = 6;

/** A program has one colour in all plots. Ours has shades, where several of its ways in are compared. */
const colours: readonly (readonly [pattern: RegExp, colour: string])[] = [
  [/^gguf-lambda$/, '#1f5fa8'],
  [/^gguf-lambda\b/, '#7fb2e5'],
  [/^llama-server\b/, '#e8833a'],
  [/^llama-cpp-python\b/, '#4f9d5d'],
  [/^llama-bench\b/, '#8a63ad'],
  [/^empty function\b/, '#8c8c8c'],
];
/** Sizes and settings of our own. */
const ownColour = '#1f5fa8';

/** Returns an SVG of one measurement: a panel per metric, with a bar for each variant and subject. */
export async function toPlot(report: Report, measurement: string): Promise<string> {
  const { machine, model } = report;
  const description = report.measurements.find(({ name }) => name === measurement)?.description ?? '';
  const summaries = report.summaries.filter((summary) => summary.measurement === measurement);
  const panels = [...Map.groupBy(summaries, ({ metric }) => metric).values()].slice(0, mostPanels);
  const spec: TopLevelSpec = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: {
      text: toLines(description),
      subtitle: toLines(
        `${model}; ${machine.cpu}, ${machine.processors} processors; Node ${machine.node}; medians, minimums and maximums`,
      ),
      anchor: 'start',
      frame: 'bounds',
    },
    background: 'white',
    padding: 8,
    vconcat: panels.map(toPanel),
    config: { view: { stroke: null }, axis: { labelLimit: 0, titleLimit: 0 }, title: { limit: 0 } },
  };
  const view = new View(parse(compile(spec).spec), { renderer: 'none' });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

function toPanel(summaries: readonly Summary[]) {
  const [{ metric = '', unit = '', better = '' } = {}] = summaries;
  const rows = toRows(summaries);
  const y = { field: 'row', type: 'nominal' as const, sort: null, title: null };
  return {
    width: barWidth,
    height: { step: rowHeight },
    title: { text: toTitle(summaries, metric), anchor: 'start' as const, fontSize: 11 },
    data: { values: rows },
    layer: [
      {
        mark: { type: 'bar' as const, height: 13 },
        encoding: {
          y,
          x: { field: 'median', type: 'quantitative' as const, title: `${unit} (${better} is better)` },
          color: { field: 'colour', type: 'nominal' as const, scale: null, legend: null },
        },
      },
      {
        mark: { type: 'rule' as const },
        encoding: {
          y,
          x: { field: 'minimum', type: 'quantitative' as const },
          x2: { field: 'maximum' },
        },
      },
    ],
  };
}

/** One bar each. A row is named by its subject, and by its variant where there are several. */
function toRows(summaries: readonly Summary[]): object[] {
  const { size: variants } = variantsOf(summaries);
  return [...Map.groupBy(summaries, ({ variant }) => variant).values()]
    .flat()
    .map(({ median, minimum, maximum, subject, variant }) => ({
      row: variants > 1 ? `${variant}: ${subject}` : subject,
      median,
      minimum,
      maximum,
      colour: colours.find(([pattern]) => pattern.test(subject))?.[1] ?? ownColour,
    }));
}

function toTitle(summaries: readonly Summary[], metric: string): string {
  const [variant, ...others] = variantsOf(summaries);
  return !variant || others.length > 0 ? metric : `${metric}, ${variant}`;
}

function variantsOf(summaries: readonly Summary[]): Set<string> {
  return new Set(summaries.map(({ variant }) => variant));
}

/** Breaks a text between words: a line that is wider than the bars would leave the canvas blank beside them. */
function toLines(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > lineCharacters) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
