// The patterns of the supported string formats. A pattern may be narrower than its format, never wider.

const leapYear = String.raw`(\d\d(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)`;
const date = [
  String.raw`\d{4}-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])`,
  String.raw`\d{4}-(0[13-9]|1[0-2])-(29|30)`,
  String.raw`\d{4}-(0[13578]|1[02])-31`,
  `${leapYear}-02-29`,
].join('|');
const hour = String.raw`([01]\d|2[0-3])`;
const clockTime = String.raw`${hour}:[0-5]\d:[0-5]\d(\.\d{1,9})?`;
const time = String.raw`${clockTime}(Z|[+-]${hour}:[0-5]\d)`;

const number = String.raw`\d{1,6}`;
const clock = `(${number}H(${number}M(${number}S)?)?|${number}M(${number}S)?|${number}S)`;
const calendar = `(${number}Y(${number}M(${number}D)?)?|${number}M(${number}D)?|${number}D)`;

const octet = String.raw`(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`;
const group = '[0-9a-f]{1,4}';
/** IPv6 addresses with `::` after the first, second … group. */
const shortened = Array.from(
  { length: 6 },
  (_, index) => `(${group}:){${index + 1}}(:${group}){1,${6 - index}}`,
);

// Labels stay below 63 characters and names below 253, so that their lengths need no counting.
const label = '[a-z0-9]{1,30}(-[a-z0-9]{1,30})?';
const hostname = String.raw`${label}(\.${label}){0,3}`;
const domain = String.raw`(${label}\.){1,3}[a-z]{2,12}`;
const mailboxPart = '[A-Za-z0-9_+-]{1,20}';

const uriCharacterInName = '[A-Za-z0-9._~-]';
const uriCharacter = "([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-F]{2})";

const pointer = '(/([^~/]|~[01])*)*';
const uriTail = String.raw`(/${uriCharacter}*)*(\?${uriCharacter}*)?(#${uriCharacter}*)?`;
const uri = String.raw`(https?|ftp)://${hostname}(:[1-9]\d{0,3})?${uriTail}`;
const relative = `${uriCharacterInName}+${uriTail}`;
const email = String.raw`${mailboxPart}(\.${mailboxPart}){0,2}@${domain}`;
const uriReference = `${uri}|/?${relative}|#${uriCharacter}*`;

/** Alternative patterns for each format, the widest first. */
const sources: Readonly<Record<string, readonly string[]>> = {
  date: [date],
  time: [time],
  'date-time': [`(${date})T${time}`, `(${date})T${clockTime}Z`],
  duration: [`P(${number}W|${calendar}(T${clock})?|T${clock})`],
  uuid: ['[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}'],
  ipv4: [String.raw`${octet}(\.${octet}){3}`],
  ipv6: [[`(${group}:){7}${group}`, ...shortened, `(${group}:){1,7}:`, `:(:${group}){1,7}`, '::'].join('|')],
  hostname: [hostname],
  'idn-hostname': [hostname],
  email: [email],
  'idn-email': [email],
  uri: [uri],
  iri: [uri],
  url: [`https?://${domain}(/${uriCharacter}*)*`],
  'uri-reference': [uriReference],
  'iri-reference': [uriReference],
  'uri-template': [String.raw`https?://${hostname}(/(${uriCharacter}|\{[a-z_]{1,30}\})*)*`],
  'json-pointer': [pointer],
  'relative-json-pointer': [`(0|[1-9]\\d{0,5})(#|${pointer})`],
};

/** Returns alternative patterns for a format, the widest first. An unsupported format has none. */
export function patternsOfFormat(format: string): string[] {
  return Object.hasOwn(sources, format) ? (sources[format] ?? []).map((source) => `^(${source})$`) : [];
}

/**
 * The bounds of integer formats, from the OpenAPI format registry: https://spec.openapis.org/registry/format/
 */
export const integerFormats: ReadonlyMap<string, readonly [minimum: number, maximum: number]> = new Map([
  ['int8', [-(2 ** 7), 2 ** 7 - 1]],
  ['uint8', [0, 2 ** 8 - 1]],
  ['int16', [-(2 ** 15), 2 ** 15 - 1]],
  ['uint16', [0, 2 ** 16 - 1]],
  ['int32', [-(2 ** 31), 2 ** 31 - 1]],
  ['uint32', [0, 2 ** 32 - 1]],
  ['int64', [-(2 ** 63), 2 ** 63]],
  ['uint64', [0, 2 ** 64]],
]);

/** The formats that constrain values. `regex` is only checked. Any other format is an annotation. */
export const knownFormats: ReadonlySet<string> = new Set([
  ...Object.keys(sources),
  ...integerFormats.keys(),
  'regex',
]);
