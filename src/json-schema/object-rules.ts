// Rules for objects: the declared properties in their order, of which optional ones may be missing, then the
// additional properties that the schema allows.

import type { Member } from './ambiguity.ts';
import { type Assertions, type Part, subschema } from './assertions.ts';
import {
  choice,
  empty,
  type GrammarNode,
  literal,
  optional,
  reference,
  repeat,
  sequence,
} from './grammar-node.ts';
import { isJsonObject } from './json-object.ts';
import { between } from './json-rules.ts';
import { otherName } from './other-names.ts';
import type { Place } from './schema-document.ts';
import type { SchemaRules } from './schema-rules.ts';
import { quote, UnsupportedSchemaError } from './unsupported-schema-error.ts';

/** The keywords that constrain objects. */
export const objectKeywords = [
  'properties',
  'required',
  'additionalProperties',
  'unevaluatedProperties',
  'propertyNames',
  'minProperties',
  'maxProperties',
];

interface Property {
  readonly name: string;
  readonly places: readonly Place[];
  readonly isRequired: boolean;
}

export function objectNode(assertions: Assertions, rules: SchemaRules): GrammarNode {
  const allowed = allowedNames(assertions);
  const names = new Set([...declaredNames(assertions), ...requiredNames(assertions), ...(allowed ?? [])]);
  const properties = readProperties(assertions, names, allowed);
  const { isFilled, mostOthers } = readCounts(assertions, properties, allowed === undefined);
  const members: Member[] = properties.map(({ name, places, isRequired }) => {
    return { name, rule: rules.ruleFor(places, `${rules.name}-${name}`), isRequired };
  });
  let other: GrammarNode | undefined;
  if (mostOthers > 0) {
    const rule = otherValue(assertions, rules);
    const name = rules.add(`${rules.name}-name`, otherName(names));
    other = rules.add(`${rules.name}-member`, memberNode(name, rule, rules));
    members.push({ name: undefined, rule, isRequired: false });
  }
  rules.addContainer({ kind: 'object', members });

  const contents = membersNode(members, other, mostOthers, rules);
  if (contents === undefined) return between('{', empty, '}', rules.shared);
  const inside = sequence(contents, rules.shared('space'));
  return between('{', isFilled ? inside : optional(inside), '}', rules.shared);
}

/**
 * Builds the members between the braces, from the last to the first. Each property is followed by all that
 * may follow it. An optional property is one option of a choice with the properties that may replace it.
 */
function membersNode(
  members: readonly Member[],
  other: GrammarNode | undefined,
  mostOthers: number,
  rules: SchemaRules,
): GrammarNode | undefined {
  const next = (member: GrammarNode) => sequence(literal(','), rules.shared('space'), literal('"'), member);
  let following = other === undefined ? empty : repeat(next(other), 0, mostOthers);
  // The caller writes the quote before a name, so that the options differ in their first character.
  let first = other && sequence(other, repeat(next(other), 0, mostOthers - 1));
  let isMoreRequired = false;
  for (const { name, rule, isRequired } of [...members].reverse()) {
    if (name === undefined) continue;
    const member = sequence(memberNode(literal(JSON.stringify(name).slice(1, -1)), rule, rules), following);
    const here = first === undefined || isRequired ? member : choice(member, first);
    first = rules.add(`${rules.name}-from-${name}`, here);
    isMoreRequired ||= isRequired;
    following = isMoreRequired ? next(first) : optional(next(first));
  }
  return first && sequence(literal('"'), first);
}

/** Matches a member without the quote before its name. */
function memberNode(name: GrammarNode, rule: string, rules: SchemaRules): GrammarNode {
  return sequence(name, literal('":'), rules.shared('blank'), reference(rule));
}

/** Returns the rule for the values of undeclared properties. */
function otherValue(assertions: Assertions, rules: SchemaRules): string {
  const places = assertions.parts
    .filter(({ schema }) => isConstrainedBy(schema, 'additionalProperties'))
    .map((part) => subschema(part, 'additionalProperties'));
  return rules.ruleFor(places, `${rules.name}-other`);
}

function declaredNames(assertions: Assertions): string[] {
  return assertions.all('properties').flatMap(({ value, path }) => {
    if (!isJsonObject(value)) throw new UnsupportedSchemaError('properties', path, 'must be an object');
    return Object.keys(value);
  });
}

function requiredNames(assertions: Assertions): string[] {
  return assertions.all('required').flatMap(({ value, path }) => readTexts(value, 'required', path));
}

function readTexts(value: unknown, keyword: string, path: string): string[] {
  if (Array.isArray(value) && value.every((text) => typeof text === 'string')) return value;
  throw new UnsupportedSchemaError(keyword, path, 'must be a list of strings');
}

/**
 * Returns the names that `propertyNames` lists, or `undefined` if it allows all names.
 *
 * @throws {UnsupportedSchemaError} when `propertyNames` is anything else
 */
function allowedNames(assertions: Assertions): string[] | undefined {
  let allowed: string[] | undefined;
  for (const { value, path } of assertions.all('propertyNames')) {
    if (value === true) continue;
    const { type = 'string', enum: list, ...others } = isJsonObject(value) ? value : { value };
    if (type !== 'string' || Object.keys(others).length > 0)
      throw new UnsupportedSchemaError('propertyNames', path, "is only supported with an 'enum'");
    if (list === undefined) continue;
    const names = readTexts(list, 'propertyNames', path);
    allowed = allowed?.filter((name) => names.includes(name)) ?? names;
  }
  return allowed;
}

/** Returns the declared properties that an object may have, with all schemas for each. */
function readProperties(
  assertions: Assertions,
  names: ReadonlySet<string>,
  allowed: readonly string[] | undefined,
): Property[] {
  const required = new Set(requiredNames(assertions));
  const properties: Property[] = [];
  for (const name of names) {
    const places = assertions.parts.flatMap((part) => placesOf(name, part));
    const isRequired = required.has(name);
    const isAllowed = allowed?.includes(name) !== false && places.every(({ schema }) => schema !== false);
    if (isAllowed) properties.push({ name, places, isRequired });
    else if (isRequired)
      throw assertions.refusal('required', `requires '${quote(name)}', but it is not allowed`);
  }
  return properties;
}

/** Returns the schemas of one part for a property. */
function placesOf(name: string, part: Part): Place[] {
  const { properties } = part.schema;
  if (isJsonObject(properties) && Object.hasOwn(properties, name))
    return [subschema(part, 'properties', name)];
  if (isConstrainedBy(part.schema, 'additionalProperties')) return [subschema(part, 'additionalProperties')];
  return [];
}

/** Whether the keyword is present and does not allow everything. */
function isConstrainedBy(schema: Part['schema'], keyword: string): boolean {
  return Object.hasOwn(schema, keyword) && schema[keyword] !== true;
}

/** Returns whether the object must have a property, and how many undeclared properties it may have. */
function readCounts(assertions: Assertions, properties: readonly Property[], isOpen: boolean) {
  const { min, max } = assertions.counts('minProperties', 'maxProperties');
  const required = properties.filter(({ isRequired }) => isRequired).length;
  const mostOthers = isOpen && mayHaveOthers(assertions) ? max - properties.length : 0;
  if (max < properties.length) throw assertions.refusal('maxProperties', unsupportedCount);
  if (min > properties.length + mostOthers)
    throw assertions.refusal('minProperties', `cannot be satisfied: the maximum is ${properties.length}`);
  if (min > required && min !== 1) throw assertions.refusal('minProperties', unsupportedCount);
  return { isFilled: required > 0 || min === 1, mostOthers };
}

const unsupportedCount = 'is only supported if all subsets of the declared properties satisfy it';

/**
 * Whether undeclared properties are allowed. Next to `properties`, only `additionalProperties` allows them.
 */
function mayHaveOthers(assertions: Assertions): boolean {
  const others = assertions.all('additionalProperties');
  const isClosed = others.some(({ value }) => value === false) || isClosedToUnevaluated(assertions);
  return !isClosed && (others.length > 0 || !assertions.has('properties'));
}

/** Only supports `unevaluatedProperties` in a single schema, where it equals `additionalProperties`. */
function isClosedToUnevaluated(assertions: Assertions): boolean {
  const limits = assertions.all('unevaluatedProperties').filter(({ value }) => value !== true);
  const isPlain = assertions.parts.length === 1 && limits.every(({ value }) => value === false);
  if (limits.length > 0 && !isPlain)
    throw assertions.refusal('unevaluatedProperties', "is not supported: use 'additionalProperties'");
  return limits.length > 0 && !assertions.has('additionalProperties');
}
