// Generates random nested schemas with all keywords. No value matches many of them.

type Random = () => number;

const names = ['a', 'b', 'ab', '__proto__', 'é"\\'];

/** Generates a schema without `oneOf`, because a grammar does not enforce it. */
export function randomSchema(random: Random): Record<string, unknown> {
  const maker = new SchemaMaker(random);
  return { ...maker.schema(3), $defs: { x: maker.schema(2), y: maker.schema(2) } };
}

class SchemaMaker {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  schema(depth: number): Record<string, unknown> {
    const make = this.#pick<() => Record<string, unknown>>([
      () => this.#text(),
      () => this.#number(),
      () => this.#values(),
      () => ({ type: this.#pick(['boolean', 'null', ['string', 'null'], ['integer', 'object']]) }),
      ...(depth === 0
        ? []
        : [
            () => this.#object(depth - 1),
            () => this.#object(depth - 1),
            () => this.#list(depth - 1),
            () => this.#combined(depth - 1),
            () => ({ $ref: this.#pick(['#', '#/$defs/x', '#/$defs/y']) }),
          ]),
    ]);
    return make();
  }

  #text(): Record<string, unknown> {
    return {
      type: 'string',
      ...this.#maybe('minLength', () => this.#below(4)),
      ...this.#maybe('maxLength', () => this.#below(12)),
      ...this.#maybe('pattern', () =>
        this.#pick(['^a+$', '^[^b]{2,4}$', '^(a|bc)*d?$', 'x', '^\\d{1,3}(\\.\\d+)?', '"$', '^(a*|b){2}c*$']),
      ),
      ...(this.#random() < 0.1 ? { format: this.#pick(['date', 'time', 'uuid', 'ipv4', 'email']) } : {}),
    };
  }

  #number(): Record<string, unknown> {
    const bound = () =>
      this.#pick([-1000, -12.5, -1, -0.001, 0, 0.1, 1 / 3, 3, 7, 99, 100, 1e6, 1e-7, 2 ** 53, 1e20]);
    return {
      type: this.#pick(['integer', 'number']),
      ...this.#maybe('minimum', bound),
      ...this.#maybe('maximum', bound),
      ...this.#maybe('exclusiveMinimum', bound),
      ...this.#maybe('exclusiveMaximum', bound),
      ...(this.#random() < 0.1 ? { multipleOf: this.#pick([1, 0.1, 0.01]) } : {}),
    };
  }

  #values(): Record<string, unknown> {
    const value = () =>
      this.#pick<unknown>([1, 2.5, 'a', 'ab', '', null, true, [1, 'a'], { a: 1 }, { b: [] }]);
    if (this.#random() < 0.5) return { const: value() };
    return { enum: Array.from({ length: 1 + this.#below(5) }, value) };
  }

  #object(depth: number): Record<string, unknown> {
    const some = () => names.filter(() => this.#random() < 0.4);
    return {
      ...this.#maybe('type', () => 'object'),
      properties: Object.fromEntries(some().map((name) => [name, this.#schemaOrBoolean(depth)])),
      ...this.#maybe('required', () => some().slice(0, 2)),
      ...this.#maybe('additionalProperties', () => this.#schemaOrBoolean(depth)),
      ...(this.#random() < 0.1 ? { minProperties: this.#below(3) } : {}),
      ...(this.#random() < 0.1 ? { maxProperties: this.#below(6) } : {}),
    };
  }

  #list(depth: number): Record<string, unknown> {
    return {
      type: 'array',
      ...this.#maybe('items', () => this.#schemaOrBoolean(depth)),
      ...this.#maybe('prefixItems', () =>
        Array.from({ length: 1 + this.#below(2) }, () => this.#schemaOrBoolean(depth)),
      ),
      ...this.#maybe('minItems', () => this.#below(3)),
      ...this.#maybe('maxItems', () => this.#below(5)),
    };
  }

  #combined(depth: number): Record<string, unknown> {
    const several = () => Array.from({ length: 1 + this.#below(3) }, () => this.schema(depth));
    return {
      ...(this.#random() < 0.3 ? this.schema(depth) : {}),
      [this.#pick(['allOf', 'anyOf'])]: several(),
      ...this.#maybe('description', () => 'combined'),
    };
  }

  #schemaOrBoolean(depth: number): unknown {
    const dice = this.#random();
    if (dice < 0.1) return dice < 0.05;
    return this.schema(depth);
  }

  #maybe(keyword: string, make: () => unknown): Record<string, unknown> {
    return this.#random() < 0.35 ? { [keyword]: make() } : {};
  }

  #pick<Value>(values: readonly Value[]): Value {
    return values[this.#below(values.length)] as Value;
  }

  #below(end: number): number {
    return Math.floor(this.#random() * end);
  }
}
