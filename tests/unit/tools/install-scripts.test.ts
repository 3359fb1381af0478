// Install scripts run on the machines of all who install the packages: only those that package.json names may have some.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

const lock = JSON.parse(read('package-lock.json')) as {
  readonly packages: Readonly<Record<string, { readonly hasInstallScript?: boolean }>>;
};
const { allowScripts } = JSON.parse(read('package.json')) as {
  readonly allowScripts: Readonly<Record<string, boolean>>;
};

it('has no package with an install script but those that package.json names', () => {
  const withScript = Object.entries(lock.packages)
    .filter(([, { hasInstallScript }]) => hasInstallScript)
    .map(([path]) => path.replace(/^.*node_modules\//, ''));

  expect([...new Set(withScript)].toSorted()).toEqual(Object.keys(allowScripts).toSorted());
});

it("runs no install script in the image's build but that of the runtime interface client", () => {
  const commands = read('Dockerfile').match(/\bnpm (?:ci|install|i|rebuild)\b[^\n&]*/g) ?? [];
  const installing = commands.filter((command) => !command.startsWith('npm rebuild'));

  expect(installing.length).toBeGreaterThan(0);
  expect(installing.filter((command) => !command.includes('--ignore-scripts'))).toEqual([]);
  expect(commands.filter((command) => command.startsWith('npm rebuild'))).toEqual([
    expect.stringMatching(/^npm rebuild aws-lambda-ric\s*$/),
  ]);
});
