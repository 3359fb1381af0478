// CycloneDX's own library for Python, which has its schemas.
import { spawnSync } from 'node:child_process';
import { installPythonTool } from '../../tools/deploy/python-tool.ts';

const validate = `
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
print(JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read()) or "", end="")
`;

/** Returns what is wrong with a software bill of materials; an empty text when it is valid. */
export async function findSbomFaults(sbom: string): Promise<string> {
  const { env } = await installPythonTool('cyclonedx-python-lib[json-validation]==11.12.0', 'none');
  const { status, stdout, stderr } = spawnSync('python3', ['-c', validate], {
    input: sbom,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return status === 0 ? stdout : stderr;
}
