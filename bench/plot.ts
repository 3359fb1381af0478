// Plots the summaries of a measurement: a bar for the median of each subject, and a line from minimum to maximum.
import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { Report } from './report.ts';
import type { Summary } from './statistics.ts';

const barWidth = 420;

/** Returns an SVG of one measurement, with a panel per metric and variant. */
export async function toPlot(report: Report, measurement: string): Promise<string> {
  const { machine, model } = report;
  const description = report.measurements.find(({ name }) => name === measurement)?.description ?? '';
  const summaries = report.summaries.filter((summary) => summary.measurement === measurement);
  const panels = Map.groupBy(summaries, ({ metric, variant }) => JSON.stringify([metric, variant]));
  const spec: TopLevelSpec = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: {
      text: description,
      subtitle: `${model}; ${machine.cpu}, ${machine.processors} processors; Node ${machine.node}; medians, minimums and maximums`,
      anchor: 'start',
    },
    background: 'white',
    vconcat: [...panels.values()].map(toPanel),
    resolve: { scale: { color: 'shared' } },
    config: { view: { stroke: null } },
  };
  const view = new View(parse(compile(spec).spec), { renderer: 'none' });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

function toPanel(summaries: readonly Summary[]) {
  const [{ metric = '', variant = '', unit = '', better = '' } = {}] = summaries;
  const y = { field: 'subject', type: 'nominal' as const, sort: null, title: null };
  return {
    width: barWidth,
    height: { step: 22 },
    title: { text: `${metric}, ${variant}`, anchor: 'start' as const, fontSize: 11 },
    data: { values: summaries.map((summary) => ({ ...summary })) },
    layer: [
      {
        mark: { type: 'bar' as const, height: 14 },
        encoding: {
          y,
          x: { field: 'median', type: 'quantitative' as const, title: `${unit} (${better} is better)` },
          color: { field: 'subject', type: 'nominal' as const, legend: null },
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
