// Included before each source file of the peers. GCC before 13 removes the stores to the AMX tile configuration, and
// llama-server crashes on the first prompt. https://github.com/ggml-org/llama.cpp/pull/26954
#if defined(__AMX_TILE__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
#include <immintrin.h>
#define _tile_loadconfig(config)                                                                                       \
    do {                                                                                                               \
        const void * _config = (config);                                                                               \
        __asm__ volatile("" : : "r"(_config) : "memory");                                                              \
        (_tile_loadconfig)(_config);                                                                                   \
    } while (0)
#endif
