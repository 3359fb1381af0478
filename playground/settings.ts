// The settings of a request, read from the server's own OpenAPI document: their meaning, defaults and limits are the server's.

export interface Setting {
  readonly name: string;
  readonly type: 'number' | 'boolean' | 'json';
  readonly description: string;
  /** The server's default as JSON. Empty: none. */
  readonly fallback: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly isWhole: boolean;
}

export interface SettingGroup {
  readonly title: string;
  readonly settings: readonly Setting[];
}

/** The document writes a field that may be null as one of two. */
interface Property extends PropertyType {
  readonly description?: string;
  readonly default?: unknown;
  readonly anyOf?: readonly PropertyType[];
}

interface PropertyType {
  readonly type?: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** The part of the OpenAPI document that describes a request. */
export interface OpenApi {
  readonly paths: Readonly<Record<string, { readonly post?: OpenApiOperation } | undefined>>;
}

interface OpenApiOperation {
  readonly requestBody?: {
    readonly content: Readonly<
      Record<string, { readonly schema: { readonly properties?: Readonly<Record<string, Property>> } }>
    >;
  };
}

const groups: readonly (readonly [title: string, names: readonly string[]])[] = [
  ['Length', ['max_tokens', 'min_tokens', 'stop', 'ignore_eos', 't_max_predict_ms']],
  ['Temperature', ['temperature', 'seed', 'dynatemp_range', 'dynatemp_exponent']],
  ['Truncation', ['top_p', 'top_k', 'min_p', 'typical_p', 'top_n_sigma', 'min_keep']],
  ['Penalties', ['repeat_penalty', 'repeat_last_n', 'presence_penalty', 'frequency_penalty', 'logit_bias']],
  [
    'DRY',
    ['dry_multiplier', 'dry_base', 'dry_allowed_length', 'dry_penalty_last_n', 'dry_sequence_breakers'],
  ],
  ['XTC', ['xtc_probability', 'xtc_threshold']],
  [
    'Adaptive samplers',
    ['mirostat', 'mirostat_tau', 'mirostat_eta', 'adaptive_target', 'adaptive_decay', 'samplers'],
  ],
  [
    'Other',
    ['grammar', 'guided_regex', 'guided_choice', 'cache_prompt', 'tool_choice', 'reasoning_effort', 'suffix'],
  ],
];

/** Lists the settings that a path of the API has, in groups. */
export function listSettings({ paths }: OpenApi, path: string): readonly SettingGroup[] {
  const content = paths[path]?.post?.requestBody?.content['application/json'];
  const properties = content?.schema.properties ?? {};
  return groups
    .map(([title, names]) => ({
      title,
      settings: names.flatMap((name) => {
        const { [name]: property } = properties;
        return property === undefined ? [] : [toSetting(name, property)];
      }),
    }))
    .filter(({ settings }) => settings.length > 0);
}

/** JSON has larger whole numbers than a number field of a browser takes; these limits are as good as none. */
const largest = 2 ** 53;

function toSetting(name: string, property: Property): Setting {
  const { description = '', anyOf = [property], default: fallback } = property;
  const types = anyOf.filter((each) => each.type !== 'null');
  const { type, minimum, maximum } = (types.length === 1 && types[0]) || {};
  const isNumber = type === 'number' || type === 'integer';
  return {
    name,
    type: isNumber ? 'number' : type === 'boolean' ? 'boolean' : 'json',
    description,
    fallback: fallback === undefined ? '' : JSON.stringify(fallback),
    ...(minimum !== undefined && minimum > -largest && { minimum }),
    ...(maximum !== undefined && maximum < largest && { maximum }),
    isWhole: type === 'integer',
  };
}

/** Reads what a person typed. Text that is not JSON is taken as it is. Returns undefined for an empty field. */
export function parseSetting(text: string): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Returns the settings with another value; undefined is the server's default. */
export function withSetting(
  settings: Readonly<Record<string, unknown>>,
  name: string,
  value: unknown,
): Readonly<Record<string, unknown>> {
  const { [name]: _, ...others } = settings;
  return value === undefined ? others : { ...others, [name]: value };
}
