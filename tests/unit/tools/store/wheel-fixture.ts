// A Python wheel made on the spot, and pip told to look nowhere else.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const BUILD = `
import sys, zipfile
wheel, member, path = sys.argv[1:]
with zipfile.ZipFile(wheel, 'w', zipfile.ZIP_DEFLATED) as archive:
    archive.write(path, member)
    archive.writestr('tiny_model-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: tiny-model\\nVersion: 1.0\\n')
    archive.writestr('tiny_model-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    archive.writestr('tiny_model-1.0.dist-info/RECORD', '')
`;

/** Packs a file as `member` into the wheel `tiny-model==1.0`, and returns the environment in which pip finds only it. */
export function buildWheel(directory: string, member: string, path: string): Record<string, string> {
  const wheel = join(directory, 'tiny_model-1.0-py3-none-any.whl');
  const { status, stderr } = spawnSync('python3', ['-c', BUILD, wheel, member, path], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return { PIP_FIND_LINKS: directory, PIP_NO_INDEX: '1', PIP_CONFIG_FILE: '/dev/null' };
}
