#include "q4-1-product.h"

#include <algorithm>

#if defined(__x86_64__)

#include <cpuid.h>
#include <cstring>
#include <immintrin.h>

#if !defined(__clang__)
// GCC's own header warns of itself: https://gcc.gnu.org/bugzilla/show_bug.cgi?id=105593
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#define TARGET_AVX2 __attribute__((target("avx2,f16c,fma")))
#define TARGET_VNNI __attribute__((target("avx2,f16c,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))

namespace {

constexpr int64_t blockBytes = sizeof(BlockQ8_1::q);

/**
 * A panel is made of groups, which share each row that is unpacked. A group is made of vectors, which hold a block of `Width` tokens: four
 * bytes of each, then the next four. The last group may have fewer vectors, and the last vector is filled up with zeros.
 */
template <int Width> struct Layout {
    static constexpr int groupVectors = Width == 2 ? 8 : 4;
    static constexpr int groupTokens = Width * groupVectors;

    static int64_t vectors(int64_t tokens) { return (tokens + Width - 1) / Width; }
};

template <int Width>
TARGET_AVX2 void prepare(const Q4_1Product & product, int64_t firstToken, int64_t tokens, TokenPanel & panel) {
    using Panel = Layout<Width>;
    const int64_t groups = (tokens + Panel::groupTokens - 1) / Panel::groupTokens;
    panel.firstToken = firstToken;
    panel.tokens = tokens;
    panel.q.assign(Panel::vectors(tokens) * product.blocks * Width * blockBytes, 0);
    panel.d.assign(Panel::vectors(tokens) * product.blocks * Width, 0);
    panel.s.assign(groups * product.blocks * Panel::groupTokens, 0);
    auto * q = panel.q.data();
    auto * d = panel.d.data();
    auto * s = panel.s.data();
    for (int64_t first = 0; first < tokens; first += Panel::groupTokens) {
        const int64_t count = std::min<int64_t>(Panel::groupTokens, tokens - first);
        for (int64_t index = 0; index < product.blocks; index++) {
            for (int64_t token = 0; token < count; token++) {
                const auto & block = product.input[(firstToken + first + token) * product.inputStride + index];
                auto * to = q + token / Width * Width * blockBytes + token % Width * 4;
                for (int part = 0; part < blockBytes; part += 4) std::memcpy(to + part * Width, block.q + part, 4);
                d[token] = _cvtsh_ss(block.d);
                s[token] = _cvtsh_ss(block.s);
            }
            q += Panel::vectors(count) * Width * blockBytes;
            d += Panel::vectors(count) * Width;
            s += Panel::groupTokens;
        }
    }
}

/** The weights of a block without their scales, one in each byte. */
TARGET_AVX2 inline __m256i unpack(const BlockQ4_1 & block) {
    const __m128i packed = _mm_loadu_si128(reinterpret_cast<const __m128i *>(block.q));
    const __m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(packed), _mm_srli_epi16(packed, 4), 1);
    return _mm256_and_si256(both, _mm256_set1_epi8(15));
}

/** The scale of a block, and its minimum behind it. */
TARGET_AVX2 inline __m128 readScales(const BlockQ4_1 & block) {
    int32_t both;
    std::memcpy(&both, &block, sizeof(both));
    return _mm_cvtph_ps(_mm_cvtsi32_si128(both));
}

/** In the order of llama.cpp's hsum_float_8. */
TARGET_AVX2 inline float sum(__m256 numbers) {
    __m128 four = _mm_add_ps(_mm256_extractf128_ps(numbers, 1), _mm256_castps256_ps128(numbers));
    four = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
}

/** Some rows of the matrix and a group of a panel. */
struct Tile {
    const Q4_1Product & product;
    /** The first row. */
    const BlockQ4_1 * matrix;
    /** Of the group. */
    const int8_t * q;
    const float * d;
    const float * s;
    int64_t tokens;
    /** Of the first row and token. */
    float * out;
};

template <int Rows, int Vectors> TARGET_AVX2 void multiplyAvx2(const Tile & tile) {
    const auto stride = tile.product.matrixStride;
    __m256 sums[Rows][Vectors];
    __m128 minima[Rows];
    for (int row = 0; row < Rows; row++) {
        minima[row] = _mm_setzero_ps();
        for (auto & each : sums[row]) each = _mm256_setzero_ps();
    }
    const auto * q = tile.q;
    const auto * d = tile.d;
    const auto * s = tile.s;
    for (int64_t index = 0; index < tile.product.blocks; index++) {
        __m256i weights[Rows];
        __m256 scales[Rows];
        for (int row = 0; row < Rows; row++) {
            const auto & block = tile.matrix[row * stride + index];
            const __m128 both = readScales(block);
            weights[row] = unpack(block);
            scales[row] = _mm256_broadcastss_ps(both);
            minima[row] = _mm_fmadd_ps(_mm_shuffle_ps(both, both, 0x55), _mm_loadu_ps(s), minima[row]);
        }
        for (int vector = 0; vector < Vectors; vector++) {
            const __m256i numbers = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(q + vector * blockBytes));
            const __m256 scale = _mm256_broadcast_ss(d + vector);
            for (int row = 0; row < Rows; row++) {
                const __m256i pairs = _mm256_maddubs_epi16(weights[row], numbers);
                const __m256 products = _mm256_cvtepi32_ps(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
                sums[row][vector] = _mm256_fmadd_ps(_mm256_mul_ps(scales[row], scale), products, sums[row][vector]);
            }
        }
        q += Vectors * blockBytes;
        d += Vectors;
        s += Layout<1>::groupTokens;
    }
    for (int row = 0; row < Rows; row++) {
        float minimum[Layout<1>::groupTokens];
        _mm_storeu_ps(minimum, minima[row]);
        for (int token = 0; token < Vectors; token++) {
            tile.out[token * tile.product.outStride + row] = sum(sums[row][token]) + minimum[token];
        }
    }
}

template <int Rows, int Vectors> TARGET_VNNI void multiplyVnni(const Tile & tile) {
    const auto stride = tile.product.matrixStride;
    // Four weights for the one token of a vector, and the same for the other.
    const __m512i forBoth = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
    const __m512i oneAfterTheOther = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15);
    __m512 sums[Rows][Vectors];
    __m512 minima[Rows];
    for (int row = 0; row < Rows; row++) {
        minima[row] = _mm512_setzero_ps();
        for (auto & each : sums[row]) each = _mm512_setzero_ps();
    }
    const auto * q = tile.q;
    const auto * d = tile.d;
    const auto * s = tile.s;
    for (int64_t index = 0; index < tile.product.blocks; index++) {
        __m512i weights[Rows];
        __m512 scales[Rows];
#pragma GCC unroll 8
        for (int row = 0; row < Rows; row++) {
            const auto & block = tile.matrix[row * stride + index];
            const __m128 both = readScales(block);
            weights[row] = _mm512_permutexvar_epi32(forBoth, _mm512_castsi256_si512(unpack(block)));
            scales[row] = _mm512_broadcastss_ps(both);
            const __m512 minimum = _mm512_broadcastss_ps(_mm_movehdup_ps(both));
            minima[row] = _mm512_fmadd_ps(minimum, _mm512_loadu_ps(s), minima[row]);
        }
#pragma GCC unroll 8
        for (int vector = 0; vector < Vectors; vector++) {
            const __m512i numbers = _mm512_loadu_si512(q + vector * 2 * blockBytes);
            double both;
            std::memcpy(&both, d + vector * 2, sizeof(both));
            const __m512 scale = _mm512_castpd_ps(_mm512_set1_pd(both));
#pragma GCC unroll 8
            for (int row = 0; row < Rows; row++) {
                const __m512i products = _mm512_dpbusd_epi32(_mm512_setzero_si512(), weights[row], numbers);
                const __m512 scaled = _mm512_mul_ps(scales[row], scale);
                sums[row][vector] = _mm512_fmadd_ps(scaled, _mm512_cvtepi32_ps(products), sums[row][vector]);
            }
        }
        q += Vectors * 2 * blockBytes;
        d += Vectors * 2;
        s += Layout<2>::groupTokens;
    }
    for (int row = 0; row < Rows; row++) {
        float minimum[Layout<2>::groupTokens];
        _mm512_storeu_ps(minimum, minima[row]);
        for (int token = 0; token < tile.tokens; token += 2) {
            const __m512 both = _mm512_permutexvar_ps(oneAfterTheOther, sums[row][token / 2]);
            auto * out = tile.out + token * tile.product.outStride + row;
            out[0] = sum(_mm512_castps512_ps256(both)) + minimum[token];
            if (token + 1 == tile.tokens) continue;
            out[tile.product.outStride] = sum(_mm512_extractf32x8_ps(both, 1)) + minimum[token + 1];
        }
    }
}

struct TileKernel {
    /** For a tile of `rows` rows. */
    void (*multiply)(const Tile & tile);
    /** For a tile of one. */
    void (*multiplyRow)(const Tile & tile);
    int rows;
};

/** By the vectors of a group, less one. The sums of a tile take half of the registers. */
constexpr TileKernel avx2Tiles[Layout<1>::groupVectors] = {
    {multiplyAvx2<4, 1>, multiplyAvx2<1, 1>, 4},
    {multiplyAvx2<4, 2>, multiplyAvx2<1, 2>, 4},
    {multiplyAvx2<2, 3>, multiplyAvx2<1, 3>, 2},
    {multiplyAvx2<2, 4>, multiplyAvx2<1, 4>, 2},
};

constexpr TileKernel vnniTiles[Layout<2>::groupVectors] = {
    {multiplyVnni<8, 1>, multiplyVnni<1, 1>, 8}, {multiplyVnni<4, 2>, multiplyVnni<1, 2>, 4},
    {multiplyVnni<4, 3>, multiplyVnni<1, 3>, 4}, {multiplyVnni<4, 4>, multiplyVnni<1, 4>, 4},
    {multiplyVnni<2, 5>, multiplyVnni<1, 5>, 2}, {multiplyVnni<2, 6>, multiplyVnni<1, 6>, 2},
    {multiplyVnni<2, 7>, multiplyVnni<1, 7>, 2}, {multiplyVnni<2, 8>, multiplyVnni<1, 8>, 2},
};

template <int Width, const TileKernel * Tiles>
void multiply(const Q4_1Product & product, const TokenPanel & panel, int64_t firstRow, int64_t endRow) {
    using Panel = Layout<Width>;
    Tile tile{product, nullptr, panel.q.data(), panel.d.data(), panel.s.data(), 0, nullptr};
    for (int64_t first = 0; first < panel.tokens; first += Panel::groupTokens) {
        tile.tokens = std::min<int64_t>(Panel::groupTokens, panel.tokens - first);
        const int64_t vectors = Panel::vectors(tile.tokens);
        const auto & kernel = Tiles[vectors - 1];
        for (int64_t row = firstRow; row < endRow;) {
            const bool isWhole = row + kernel.rows <= endRow;
            tile.matrix = product.matrix + row * product.matrixStride;
            tile.out = product.out + (panel.firstToken + first) * product.outStride + row;
            (isWhole ? kernel.multiply : kernel.multiplyRow)(tile);
            row += isWhole ? kernel.rows : 1;
        }
        tile.q += vectors * product.blocks * Width * blockBytes;
        tile.d += vectors * product.blocks * Width;
        tile.s += product.blocks * Panel::groupTokens;
    }
}

} // namespace

const Q4_1Kernel avx2Kernel{prepare<1>, multiply<1, avx2Tiles>};
const Q4_1Kernel vnniKernel{prepare<2>, multiply<2, vnniTiles>};

const Q4_1Kernel * findQ4_1Kernel() {
    unsigned a, b, features = 0, d;
    const bool convertsHalves = __get_cpuid(1, &a, &b, &features, &d) != 0 && (features & bit_F16C) != 0;
    if (!convertsHalves || !__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return nullptr;
    const bool hasVnni = __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    return hasVnni ? &vnniKernel : &avx2Kernel;
}

#else

const Q4_1Kernel * findQ4_1Kernel() { return nullptr; }

#endif

void multiplyTogether(
    const Q4_1Kernel & kernel, const Q4_1Product & product, int thread, int threads, JobCounter & counter) noexcept {
    // The tokens of a panel stay in the processor's cache while the rows pass by.
    constexpr int64_t panelTokens = 64;
    constexpr int64_t jobRows = 32;
    // Kept for the next matrix, because new memory takes longer than the layout.
    static thread_local TokenPanel panel;
    if (threads > 1) counter.begin(thread == 0);
    // A job is some rows, with the tokens of one panel.
    const int64_t jobsOfPanel = (product.rows + jobRows - 1) / jobRows;
    const int64_t panels = (product.tokens + panelTokens - 1) / panelTokens;
    int64_t prepared = -1;
    for (int64_t job = thread; job < panels * jobsOfPanel; job = threads > 1 ? counter.next() : job + 1) {
        if (job / jobsOfPanel != prepared) {
            prepared = job / jobsOfPanel;
            const int64_t firstToken = prepared * panelTokens;
            kernel.prepare(product, firstToken, std::min(panelTokens, product.tokens - firstToken), panel);
        }
        const int64_t firstRow = job % jobsOfPanel * jobRows;
        kernel.multiply(product, panel, firstRow, std::min(firstRow + jobRows, product.rows));
    }
    // The next product counts its jobs in the same place.
    if (threads > 1) counter.end();
}
