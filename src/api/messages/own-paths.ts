// The request's own names of the fields of the chat that it became.
import type { Rename } from '../renamed-fields.ts';

/** The path in the request for each path in the chat's body that has another name. */
export type OwnPaths = Map<string, string>;

/** Replaces the longest beginning of a path that has another name. */
export function toRename(paths: OwnPaths): Rename {
  return (path) => {
    const names = path.split('.');
    for (let length = names.length; length > 0; length--) {
      const own = paths.get(names.slice(0, length).join('.'));
      if (own !== undefined) return [own, ...names.slice(length)].join('.');
    }
    return path;
  };
}
