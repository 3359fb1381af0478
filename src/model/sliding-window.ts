// The layers of a model that see only a sliding window of the text, as llama.cpp decides it for each architecture: the calls of
// `load_swa_pattern` in src/models of the llama.cpp in node-llama-cpp 3.22.1, and the GGUF's own pattern, which comes first.
// The engine has an architecture that is not listed keep the whole text in each layer: some ignore the window of their GGUF
// (phi3), or have another one than it says (llama4, smallthinker, exaone4).

/** Of `period` layers one sees the whole text: the last one, or the first. */
interface Pattern {
  readonly period: number;
  readonly isFirst?: true;
}

/** By architecture; null where each GGUF has a pattern of its own. */
const patterns: Readonly<Record<string, Pattern | null>> = {
  afmoe: { period: 4 },
  cohere2: { period: 4 },
  cohere2moe: { period: 4, isFirst: true },
  'exaone-moe': { period: 4 },
  gemma2: { period: 2 },
  gemma3: { period: 6 },
  gemma3n: { period: 5 },
  gemma4: null,
  'gpt-oss': { period: 2 },
  granite_swa: null,
  laguna: { period: 4, isFirst: true },
  maple: null,
  mellum: { period: 4 },
  mimo2: null,
  'muse-glimmer': { period: 4 },
  olmo2: { period: 4 },
  plamo3: { period: 8 },
  spark2_5: null,
  step35: null,
};

/** Whether llama.cpp keeps no more than the window in some layers of an architecture, where the GGUF has a window. */
export function canSlide(architecture: string): boolean {
  return Object.hasOwn(patterns, architecture);
}

/**
 * Whether a layer sees only the window.
 *
 * @param own - `<architecture>.attention.sliding_window_pattern`: a period, or for each layer whether it is one of them
 */
export function isWindowed(
  architecture: string,
  own: number | readonly (boolean | number)[] | undefined,
  layer: number,
): boolean {
  if (!canSlide(architecture)) return false;
  if (typeof own === 'object') return Boolean(own[layer]);
  const pattern = patterns[architecture];
  const period = own ?? pattern?.period ?? 1;
  // As llama_hparams::set_swa_pattern.
  if (period === 0) return true;
  return pattern?.isFirst ? layer % period !== 0 : layer % period < period - 1;
}
