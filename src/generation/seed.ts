// The seeds that llama.cpp takes.

/** Reduces a seed to 32 bits. Avoids the highest value, which means "draw a random seed" in llama.cpp. */
export function toSeed(seed: number): number {
  const low = Number(BigInt.asUintN(32, BigInt(seed)));
  return low === 0xffff_ffff ? 0 : low;
}
