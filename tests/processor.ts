// What this machine's processor has that llama.cpp's figures depend on.
import { readFileSync } from 'node:fs';

/** With it, llama.cpp rounds otherwise, and pieces of different sizes by more. */
export const hasAmx = readFileSync('/proc/cpuinfo', 'utf8').includes('amx_int8');
