// The compose file of docs/self-host.md as options of `docker run`, for engines that have no compose.
import { parse } from 'yaml';
import { findBlock } from '../documents.ts';

type Service = Readonly<Record<string, unknown>>;

const listOf = (flag: string) => (value: unknown) => (value as string[]).flatMap((item) => [flag, item]);

/** The flags of each setting that the file may have. */
const flagsOf: Readonly<Record<string, (value: unknown) => string[]>> = {
  // A test chooses the image and the port.
  image: () => [],
  ports: () => [],
  restart: (value) => ['--restart', String(value)],
  read_only: (value) => [`--read-only=${value}`],
  cap_drop: listOf('--cap-drop'),
  security_opt: listOf('--security-opt'),
  tmpfs: listOf('--tmpfs'),
  mem_limit: (value) => ['--memory', String(value)],
  volumes: listOf('--volume'),
  environment: (value) =>
    Object.entries(value as Record<string, string>).flatMap(([name, text]) => ['--env', `${name}=${text}`]),
};

interface ComposeFile {
  readonly service: Service;
  /** The options of `docker run`, but the image and the port. */
  readonly options: readonly string[];
}

/**
 * @param variables the values of `${NAME:?message}`
 * @throws {Error} for a setting that has no flag here, and for a variable that has no value
 */
export function readComposeFile(variables: Readonly<Record<string, string>>): ComposeFile {
  const block = findBlock('docs/self-host.md', 'yaml', 'services:');
  const text = block.replaceAll(/\$\{(\w+):\?[^}]*\}/g, (_, name: string) => {
    const value = variables[name];
    if (value === undefined) throw new Error(`The compose file needs ${name}.`);
    return value;
  });
  const { services } = parse(text) as { services: Record<string, Service> };
  const [service = {}] = Object.values(services);
  const options = Object.entries(service).flatMap(([setting, value]) => {
    const toFlags = flagsOf[setting];
    if (toFlags === undefined)
      throw new Error(`The compose file's '${setting}' has no flag of docker run here.`);
    return toFlags(value);
  });
  return { service, options };
}
