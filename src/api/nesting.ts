// How deeply JSON is nested. V8 parses any depth, but whatever recurses into values, as JSON.stringify does, overflows the stack.

/** The most levels of a request. llama.cpp recurses into values without a limit. */
export const mostLevels = 200;

/** Whether a value has more levels of lists and objects than `most`. Not recursive, because of the depth. */
export function isDeeperThan(value: unknown, most: number): boolean {
  let level = [value].filter(isNested);
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > most) return true;
    const inner: object[] = [];
    for (const each of level)
      for (const item of Array.isArray(each) ? each : Object.values(each))
        if (isNested(item)) inner.push(item);
    level = inner;
  }
  return false;
}

function isNested(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
