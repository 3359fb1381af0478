// The properties that only a condition declares: those of `then`, `else`, `dependentSchemas` and `dependentRequired`.
// A grammar cannot express the condition, so they are optional, and the check of the finished text does the rest.
import { Assertions, type Part, subschema } from './assertions.ts';
import type { Place } from './schema-document.ts';
import type { SchemaRules } from './schema-rules.ts';

/** Returns the schemas of each property. A value must satisfy one of them, if there are any. */
export function conditionalProperties(
  assertions: Assertions,
  { resolve }: SchemaRules,
): ReadonlyMap<string, readonly Place[]> {
  const conditions = new Assertions(conditionalParts(assertions.parts, resolve));
  const required = conditions.all('required').map(({ value }) => value as string[]);
  const dependent = [assertions, conditions]
    .flatMap((each) => each.all('dependentRequired'))
    .flatMap(({ value }) => Object.values(value as Readonly<Record<string, string[]>>));
  const names = [...required, ...dependent].flat();
  const properties = new Map(names.map((name): [string, Place[]] => [name, []]));
  for (const part of conditions.parts) {
    for (const name of Object.keys((part.schema.properties ?? {}) as object)) {
      const places = properties.get(name) ?? [];
      places.push(subschema(part, 'properties', name));
      properties.set(name, places);
    }
  }
  return properties;
}

/** Returns the schemas that apply to the same value under a condition, with all that these apply. */
function conditionalParts(parts: readonly Part[], resolve: SchemaRules['resolve']): Part[] {
  const found = new Map<string, Part>();
  const add = (places: readonly Place[]) => {
    for (const { schema, path } of places)
      if (typeof schema !== 'boolean' && !found.has(path)) found.set(path, { schema, path });
  };
  for (const part of parts) add(conditionsIn(part));
  for (const part of found.values()) add([...conditionsIn(part), ...appliedIn(part, resolve)]);
  return [...found.values()];
}

function conditionsIn(part: Part): Place[] {
  const branches = ['then', 'else'].filter((keyword) => Object.hasOwn(part.schema, keyword));
  const names = Object.keys((part.schema.dependentSchemas ?? {}) as object);
  return [
    ...branches.map((keyword) => subschema(part, keyword)),
    ...names.map((name) => subschema(part, 'dependentSchemas', name)),
  ];
}

function appliedIn(part: Part, resolve: SchemaRules['resolve']): Place[] {
  const { $ref } = part.schema;
  const listed = ['allOf', 'anyOf', 'oneOf'].flatMap((keyword) =>
    ((part.schema[keyword] ?? []) as unknown[]).map((_, index) => subschema(part, keyword, index)),
  );
  return typeof $ref === 'string' ? [...listed, resolve($ref)] : listed;
}
