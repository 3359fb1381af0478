// The names of fields in an API that is a translation around another one. A client reads of its own fields only.
import { RequestError } from '../errors/request-error.ts';
import type { RequestContext } from '../generation/context.ts';
import { type FieldPath, ForeignFields } from '../generation/foreign-fields.ts';

/** Converts the path of a field, such as `messages.0.content`, to its path in the client's request. */
export type Rename = (path: string) => string;

/** Records ignored fields under the names that the client gave them. */
class RenamedFields extends ForeignFields {
  readonly #given: ForeignFields;
  readonly #rename: Rename;

  constructor(given: ForeignFields, rename: Rename) {
    super({ strict: given.strict });
    this.#given = given;
    this.#rename = rename;
  }

  override ignore(path: FieldPath): void {
    this.#given.ignore(this.#rename(path.map(String).join('.')).split('.'));
  }
}

/**
 * Asks another API for an answer.
 *
 * @throws what `ask` throws, with the fields of a `RequestError` under the client's names
 */
export async function askRenamed<Answer>(
  rename: Rename,
  context: RequestContext,
  ask: (context: RequestContext) => Promise<Answer>,
): Promise<Answer> {
  const { foreignFields = new ForeignFields() } = context;
  try {
    return await ask({ ...context, foreignFields: new RenamedFields(foreignFields, rename) });
  } catch (error) {
    throw error instanceof RequestError ? renameError(error, rename) : error;
  }
}

/** Messages quote the paths of fields in single quotes. */
function renameError({ code, message, param, headers }: RequestError, rename: Rename): RequestError {
  return new RequestError(
    code,
    message.replaceAll(/'([\w.]+)'/g, (_, path: string) => `'${rename(path)}'`),
    { param: param === null ? null : rename(param), headers },
  );
}
