// The figures of the documents are those of the files that `npm run bench` wrote. A table of the benchmarks' page names its file in
// a comment before it: <!-- figures: table.txt -->.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const folder = join(import.meta.dirname, '../../../docs/benchmark');
const page = readFileSync(join(folder, 'README.md'), 'utf8');

const tables = [...page.matchAll(/^<!-- figures: (\S+) -->\n\n?((?:\|.*\n)+)/gm)].map(
  ([, file = '', table = '']) => ({ file, rows: table.trimEnd().split('\n').slice(2) }),
);

/** The medians of a file: the first of three figures and a count. */
function readMedians(file: string): number[] {
  const text = readFileSync(join(folder, file), 'utf8');
  return [...text.matchAll(/ (\d+(?:\.\d+)?)(?: +\d+(?:\.\d+)?){2} +\d+ {2}\S/g)].map(([, median]) =>
    Number(median),
  );
}

/** The figures of a row, behind its title, as they are written. */
function findFigures(row: string): string[] {
  const cells = row.split('|').slice(2);
  return cells.flatMap((cell) => cell.replaceAll(/(\d),(?=\d{3}\b)/g, '$1').match(/\d+(?:\.\d+)?/g) ?? []);
}

function isRoundedOf(figure: string, medians: readonly number[]): boolean {
  const digits = figure.split('.')[1]?.length ?? 0;
  return medians.some((median) => Math.abs(median - Number(figure)) <= 0.5001 * 10 ** -digits);
}

describe('docs/benchmark/README.md', () => {
  it('names the file of each table', () => {
    const all = page.match(/(?:^\|.*\n)+/gm) ?? [];

    expect(all.length).toBeGreaterThan(3);
    expect(tables).toHaveLength(all.length);
  });

  it.each(tables)('has the figures of $file', ({ file, rows }) => {
    const medians = readMedians(file);
    const wrong = rows.flatMap((row) => findFigures(row).filter((figure) => !isRoundedOf(figure, medians)));

    expect(medians.length).toBeGreaterThan(rows.length);
    expect(wrong).toEqual([]);
  });
});

describe('other pages', () => {
  it.each([
    ['operate.md', 'sizes/table.txt', /([\d.]+) tokens a second/g],
    ['operate.md', 'sizes/table.txt', /\$([\d.]+)\**\. A chat|costs \$([\d.]+) for a million/g],
    ['self-host.md', 'box/table.txt', /([\d.]+) tokens a second/g],
  ])('%s has the figures of %s', (name, file, pattern) => {
    const text = readFileSync(join(folder, '..', name), 'utf8').replaceAll(/\s+/g, ' ');
    const figures = [...text.matchAll(pattern)].map(([, one, other]) => one ?? other ?? '');
    const medians = readMedians(file);

    expect(figures.length).toBeGreaterThan(0);
    expect(figures.filter((figure) => !isRoundedOf(figure, medians))).toEqual([]);
  });
});
