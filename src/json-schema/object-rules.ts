// Rules for objects: the declared properties in their order, of which optional ones may be missing, then those that only
// a condition declares, and the other properties that the schema allows.

import type { Member } from './ambiguity.ts';
import { type Assertions, type Part, subschema } from './assertions.ts';
import { conditionalProperties } from './conditional-properties.ts';
import { choice, empty, type GrammarNode, optional, sequence } from './grammar-node.ts';
import { isJsonObject } from './json-object.ts';
import { between } from './json-rules.ts';
import { type MemberCounts, memberNode, membersNode } from './object-members.ts';
import { otherName } from './other-names.ts';
import type { Place } from './schema-document.ts';
import { quote } from './schema-error.ts';
import type { SchemaRules } from './schema-rules.ts';
import { nameContents } from './string-rules.ts';

/** The keywords that constrain objects. */
export const objectKeywords = [
  'properties',
  'required',
  'patternProperties',
  'additionalProperties',
  'unevaluatedProperties',
  'propertyNames',
  'minProperties',
  'maxProperties',
  'dependentRequired',
  'dependentSchemas',
];

interface Property {
  readonly name: string;
  readonly places: readonly Place[];
  readonly isRequired: boolean;
}

export function objectNode(assertions: Assertions, rules: SchemaRules): GrammarNode {
  const allowed = allowedNames(assertions);
  const declared = new Set([
    ...namesIn('properties', assertions),
    ...requiredNames(assertions),
    ...(allowed ?? []),
  ]);
  // Where undeclared properties are allowed, these are among them, in any order.
  const conditional = mayHaveOthers(assertions) ? undefined : conditionalProperties(assertions, rules);
  const names = new Set([...declared, ...(conditional?.keys() ?? [])]);
  const properties = readProperties(assertions, names, rules);
  const members = properties.map(({ name, places, isRequired }) => {
    const base = `${rules.name}-${name}`;
    const options = declared.has(name) || places.length > 0 ? [] : (conditional?.get(name) ?? []);
    const rule = options.length > 0 ? rules.ruleForAny(options, base) : rules.ruleFor(places, base);
    return { name, rule, isRequired };
  });
  const counts = readCounts(assertions, properties);
  const others = allowed === undefined ? readOthers(assertions, names, rules) : [];
  if (others.length === 0 && counts.min > members.length)
    throw assertions.refusal('minProperties', `cannot be satisfied: the maximum is ${members.length}`);
  const otherMembers = others.map(({ rule }): Member => ({ name: undefined, rule, isRequired: false }));
  rules.addContainer({ kind: 'object', members: [...members, ...otherMembers] });

  const other = others.length === 0 ? undefined : choice(...others.map(({ node }) => node));
  const contents = membersNode(members, other, counts, rules);
  if (contents === undefined) return between('{', empty, '}', rules.shared);
  const inside = sequence(contents, rules.shared('space'));
  const isFilled = counts.min > 0 || members.some(({ isRequired }) => isRequired);
  return between('{', isFilled ? inside : optional(inside), '}', rules.shared);
}

function namesIn(keyword: string, assertions: Assertions): string[] {
  return assertions.all(keyword).flatMap(({ value }) => Object.keys(value as object));
}

function requiredNames(assertions: Assertions): string[] {
  return assertions.all('required').flatMap(({ value }) => value as string[]);
}

/** Returns the names that `propertyNames` lists, or `undefined` if it lists none. */
function allowedNames(assertions: Assertions): string[] | undefined {
  const lists = assertions.all('propertyNames').flatMap(({ value }) => {
    if (!isJsonObject(value)) return [];
    const { enum: list = 'const' in value ? [value.const] : undefined } = value;
    return Array.isArray(list) ? [list.filter((name) => typeof name === 'string')] : [];
  });
  return lists[0];
}

/** Returns the declared properties that an object may have, with all schemas for each. */
function readProperties(assertions: Assertions, names: ReadonlySet<string>, rules: SchemaRules): Property[] {
  const required = new Set(requiredNames(assertions));
  const nameSchemas = assertions.all('propertyNames').map(({ value }) => value);
  const properties: Property[] = [];
  for (const name of names) {
    const places = assertions.parts.flatMap((part) => placesOf(name, part));
    const isRequired = required.has(name);
    const isAllowed =
      places.every(({ schema }) => schema !== false) &&
      nameSchemas.every((schema) => rules.isSatisfied(schema, name));
    if (isAllowed) properties.push({ name, places, isRequired });
    else if (isRequired)
      throw assertions.refusal('required', `requires '${quote(name)}', but it is not allowed`);
  }
  return properties;
}

/** Returns the schemas of one part for a property. */
function placesOf(name: string, part: Part): Place[] {
  const { properties, patternProperties } = part.schema;
  const declared =
    isJsonObject(properties) && Object.hasOwn(properties, name) ? [subschema(part, 'properties', name)] : [];
  const matching = Object.keys(patternProperties ?? {})
    .filter((pattern) => new RegExp(pattern, 'u').test(name))
    .map((pattern) => subschema(part, 'patternProperties', pattern));
  const places = [...declared, ...matching];
  return places.length > 0 ? places : additionalPlaces(part);
}

function additionalPlaces(part: Part): Place[] {
  return isConstrainedBy(part.schema, 'additionalProperties')
    ? [subschema(part, 'additionalProperties')]
    : [];
}

/** Whether the keyword is present and does not allow everything. */
function isConstrainedBy(schema: Part['schema'], keyword: string): boolean {
  return Object.hasOwn(schema, keyword) && schema[keyword] !== true;
}

/** @throws {UnsatisfiableSchemaError} when the required properties are too many */
function readCounts(assertions: Assertions, properties: readonly Property[]): MemberCounts {
  const counts = assertions.counts('minProperties', 'maxProperties');
  const required = properties.filter(({ isRequired }) => isRequired).length;
  if (required > counts.max)
    throw assertions.refusal('maxProperties', `cannot be satisfied: ${required} properties are required`);
  return counts;
}

/** A kind of undeclared properties. */
interface Other {
  readonly rule: string;
  /** The member without the quote before its name. */
  readonly node: GrammarNode;
}

/**
 * Returns the kinds of undeclared properties: one for each pattern, and one for any other name. Names that match
 * several patterns are left to the check.
 */
function readOthers(assertions: Assertions, names: ReadonlySet<string>, rules: SchemaRules): Other[] {
  const toOther = (name: GrammarNode, places: readonly Place[]): Other => {
    const rule = rules.ruleFor(places, `${rules.name}-other`);
    const nameRule = rules.add(`${rules.name}-name`, name);
    return { rule, node: rules.add(`${rules.name}-member`, memberNode(nameRule, rule, rules)) };
  };
  const toName = (pattern: string | undefined) =>
    (pattern === undefined ? undefined : nameContents(pattern, rules)) ?? otherName(names);
  const matching = assertions.parts.flatMap((part) =>
    Object.keys(part.schema.patternProperties ?? {}).flatMap((pattern) => {
      const place = subschema(part, 'patternProperties', pattern);
      if (place.schema === false) return [];
      const elsewhere = assertions.parts.filter((each) => each !== part).flatMap(additionalPlaces);
      return [toOther(toName(pattern), [place, ...elsewhere])];
    }),
  );
  if (!mayHaveOthers(assertions)) return matching;
  const pattern = assertions
    .all('propertyNames')
    .map(({ value }) => (isJsonObject(value) ? value.pattern : undefined))
    .find((each) => typeof each === 'string');
  const unevaluated = assertions.parts
    .filter(({ schema }) => isConstrainedBy(schema, 'unevaluatedProperties'))
    .map((part) => subschema(part, 'unevaluatedProperties'));
  const additional = assertions.parts.flatMap(additionalPlaces);
  return [...matching, toOther(toName(pattern), additional.length > 0 ? additional : unevaluated)];
}

/**
 * Whether undeclared properties are allowed. Next to `properties` or `patternProperties`, only
 * `additionalProperties` and `unevaluatedProperties` allow them.
 */
function mayHaveOthers(assertions: Assertions): boolean {
  const additional = assertions.all('additionalProperties');
  const limits = [...additional, ...(additional.length === 0 ? assertions.all('unevaluatedProperties') : [])];
  if (limits.some(({ value }) => value === false)) return false;
  return limits.length > 0 || !assertions.has('properties', 'patternProperties');
}
