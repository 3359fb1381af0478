// Names the fields of a request in the errors of the chat that it became.
import { RequestError } from '../../errors/request-error.ts';

/** The path in the request for each path in the chat's body that has another name. */
export type OwnPaths = Map<string, string>;

/** Runs a chat's work, and gives its errors the request's own names of fields. */
export async function withOwnPaths<Result>(paths: OwnPaths, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RequestError) || error.param === null) throw error;
    const param = toOwnPath(error.param, paths);
    const message = error.message.replaceAll(`'${error.param}'`, `'${param}'`);
    throw new RequestError(error.code, message, { param, headers: { ...error.headers } });
  }
}

/** Replaces the longest beginning of a path that has another name. */
function toOwnPath(path: string, paths: OwnPaths): string {
  const names = path.split('.');
  for (let length = names.length; length > 0; length--) {
    const own = paths.get(names.slice(0, length).join('.'));
    if (own !== undefined) return [own, ...names.slice(length)].join('.');
  }
  return path;
}
