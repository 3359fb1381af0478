// The product of a matrix in Q4_1 and several tokens, on x86. llama.cpp has no kernel for it there: it unpacks each row of the matrix
// again for each token. This one unpacks a row once for up to 16 tokens.
//
// The results are bit-identical to llama.cpp's. Each is computed by the operations of ggml_vec_dot_q4_1_q8_1, in their order
// (ggml/src/ggml-cpu/arch/x86/quants.c).
#pragma once
#include <cstdint>
#include <vector>

/** 32 weights, `d * q + m` each: block_q4_1 in ggml-common.h. */
struct BlockQ4_1 {
    /** In half precision. */
    uint16_t d, m;
    /** The lower halves of the bytes are the first 16. */
    uint8_t q[16];
};

/** 32 numbers of a token, `d * q` each: block_q8_1 in ggml-common.h. */
struct BlockQ8_1 {
    /** In half precision. `s` is the sum of the numbers. */
    uint16_t d, s;
    int8_t q[32];
};

/** `out[token * outStride + row]` becomes the product of a row of the matrix and a token. */
struct Q4_1Product {
    int64_t rows, tokens;
    /** Of each row and each token. */
    int64_t blocks;
    const BlockQ4_1 * matrix;
    /** Blocks from a row to the next. */
    int64_t matrixStride;
    const BlockQ8_1 * input;
    /** Blocks from a token to the next. */
    int64_t inputStride;
    float * out;
    int64_t outStride;
};

/** Some tokens of a product, in the order in which a kernel reads them. */
struct TokenPanel {
    int64_t firstToken = 0, tokens = 0;
    std::vector<int8_t> q;
    std::vector<float> d, s;
};

/** The product for one kind of processor. */
struct Q4_1Kernel {
    /** Lays out some tokens. */
    void (*prepare)(const Q4_1Product & product, int64_t firstToken, int64_t tokens, TokenPanel & panel);
    /** Multiplies rows, up to before `endRow`, with the tokens of a panel. */
    void (*multiply)(const Q4_1Product & product, const TokenPanel & panel, int64_t firstRow, int64_t endRow);
};

/** For processors with AVX2, and for those with AVX-512 and its VNNI. */
extern const Q4_1Kernel avx2Kernel, vnniKernel;

/** The quickest one that this processor can run; nullptr: none. */
const Q4_1Kernel * findQ4_1Kernel();

/** The counter of a pool of threads, from which each takes its next job. */
struct JobCounter {
    /** One thread sets the next job, and all wait for it. */
    virtual void begin(bool isFirstThread) = 0;
    /** Returns the next job. */
    virtual int next() = 0;
    /** Waits for all threads. */
    virtual void end() = 0;
};

/**
 * Computes a product. Each of `threads` threads calls it with its number, and begins with the job of that number. One thread alone needs
 * no counter.
 */
void multiplyTogether(const Q4_1Kernel & kernel, const Q4_1Product & product, int thread, int threads, JobCounter & counter) noexcept;
