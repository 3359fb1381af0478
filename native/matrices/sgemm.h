// Replaces llamafile_sgemm of llama.cpp's library for the processor, which calls it for each product of matrices. The library calls it
// by its public name, so it gets this module's function when the module was opened as a global one before. Other products than those of
// Q4_1 go on to the library's own function.
#pragma once
#include <cstdint>

/** How many products this module has computed. */
int64_t countProducts();
