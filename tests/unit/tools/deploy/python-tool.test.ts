import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { installPythonTool } from '../../../../tools/deploy/python-tool.ts';
import { findSam } from '../../../../tools/deploy/sam.ts';
import { fakeCommands } from './fake-commands.ts';

/** Fakes `python3 -m pip install --quiet --target FOLDER`, and the same behind `-m uv`. */
const pip = '[ "$2" != uv ] || shift; mkdir -p "$6/bin" && touch "$6/bin/lint"';

describe('installPythonTool', () => {
  it('installs the tool on first use, into its own folder', async () => {
    const { folder, calls } = fakeCommands({ python3: pip });
    const cache = join(folder, 'cache');
    const onInstall = vi.fn();

    const first = await installPythonTool('lint==1.2.3', 'lint', { folder: cache, onInstall });
    const second = await installPythonTool('lint==1.2.3', 'lint', { folder: cache, onInstall });

    expect(first).toEqual({
      command: ['python3', join(cache, 'lint-1.2.3/bin/lint')],
      env: { PYTHONPATH: join(cache, 'lint-1.2.3') },
    });
    expect(second).toEqual(first);
    expect(onInstall).toHaveBeenCalledTimes(1);
    expect(calls()).toEqual([
      expect.stringMatching(/^python3 -m pip install .* uv==\S+$/),
      expect.stringMatching(/^python3 -m uv pip install .* lint==1\.2\.3$/),
    ]);
    expect(readdirSync(cache)).toEqual(['lint-1.2.3', expect.stringMatching(/^uv-/)]);
  });

  it('falls back to pip when uv fails', async () => {
    const { folder, calls } = fakeCommands({ python3: `[ "$2" != uv ] || exit 1; ${pip}` });
    const cache = join(folder, 'cache');

    await installPythonTool('lint==1.2.3', 'lint', { folder: cache });

    expect(calls().at(-1)).toMatch(/^python3 -m pip install .* lint==1\.2\.3$/);
  });

  it('leaves nothing behind when pip fails', async () => {
    const { folder } = fakeCommands({ python3: `${pip}; exit 1` });
    const cache = join(folder, 'cache');

    await expect(installPythonTool('lint==1.2.3', 'lint', { folder: cache })).rejects.toThrow('pip install');

    expect(readdirSync(cache)).toEqual([]);
  });

  it('installs one copy when two callers install at once', async () => {
    const { folder } = fakeCommands({ python3: pip });
    const cache = join(folder, 'cache');
    const install = () => installPythonTool('lint==1.2.3', 'lint', { folder: cache });

    const [one, other] = await Promise.all([install(), install()]);

    expect(one).toEqual(other);
    expect(readdirSync(cache)).toEqual(['lint-1.2.3', expect.stringMatching(/^uv-/)]);
  });
});

describe('findSam', () => {
  it('returns the sam on PATH with telemetry turned off', async () => {
    const { folder } = fakeCommands({ sam: 'test "$SAM_CLI_TELEMETRY" = 0' });

    expect(await findSam({ folder })).toEqual({ command: ['sam'], env: { SAM_CLI_TELEMETRY: '0' } });
  });

  it.each([
    ['PATH has none', {}],
    ['the one on PATH does not run', { sam: 'exit 127' }],
  ])('installs the SAM CLI when %s', async (_, scripts) => {
    const { folder } = fakeCommands({ python3: pip, ...scripts });
    const onInstall = vi.fn();

    const tool = await findSam({ folder, onInstall });

    const home = join(folder, 'aws-sam-cli-1.170.0');
    expect(tool).toEqual({
      command: ['python3', join(home, 'bin/sam')],
      env: { PYTHONPATH: home, SAM_CLI_TELEMETRY: '0' },
    });
    expect(onInstall).toHaveBeenCalledExactlyOnceWith('aws-sam-cli==1.170.0');
  });
});
