export function takeLock(
  path: string,
  options?: { readonly onWait?: (holder: string) => void; readonly signal?: AbortSignal },
): Promise<() => void>;
