// Large GGUFs are published in parts, `name-00001-of-00003.gguf`; llama.cpp loads them by the first one's name.

/** The names of all parts of a split model, in order; a file that is not split is its own only part. */
export function splitFileNames(fileName: string): string[] {
  const [, stem, part, total, extension] = /^(.*)-(\d{5})-of-(\d{5})(\.gguf)$/i.exec(fileName) ?? [];
  if (stem === undefined || part === undefined || total === undefined || extension === undefined)
    return [fileName];
  const numbers = Array.from({ length: Number(total) }, (_, index) => String(index + 1).padStart(5, '0'));
  return numbers.map((number) => `${stem}-${number}-of-${total}${extension}`);
}
