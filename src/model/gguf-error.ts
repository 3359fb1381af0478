/** A file cannot be read as a GGUF. The message begins with its path. */
export class GgufError extends Error {
  override readonly name = 'GgufError';
}
