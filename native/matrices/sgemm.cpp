#include "sgemm.h"

#include <atomic>
#include <cstddef>
#include <dlfcn.h>

#define GGML_COMMON_DECL_CPP
#include "ggml-common.h"
#include "ggml-cpu-impl.h"
#include "q4-1-product.h"

namespace {

std::atomic<int64_t> products{0};

} // namespace

int64_t countProducts() { return products; }

#if defined(__x86_64__)

static_assert(sizeof(BlockQ4_1) == sizeof(block_q4_1) && offsetof(BlockQ4_1, q) == offsetof(block_q4_1, qs));
static_assert(sizeof(BlockQ8_1) == sizeof(block_q8_1) && offsetof(BlockQ8_1, q) == offsetof(block_q8_1, qs));

namespace {

using Sgemm = bool(
    const ggml_compute_params *, int64_t, int64_t, int64_t, const void *, int64_t, const void *, int64_t, void *, int64_t, int, int, int);

/** Functions of the library that calls llamafile_sgemm. */
struct Library {
    Sgemm * sgemm = nullptr;
    decltype(ggml_threadpool_chunk_set) * setChunk = nullptr;
    decltype(ggml_threadpool_chunk_add) * addChunks = nullptr;
    decltype(ggml_barrier) * barrier = nullptr;

    /** @param caller an address in its code */
    explicit Library(const void * caller) {
        Dl_info info;
        void * handle = dladdr(caller, &info) == 0 ? nullptr : dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD);
        if (handle == nullptr) return;
        find(handle, "llamafile_sgemm", sgemm);
        find(handle, "ggml_threadpool_chunk_set", setChunk);
        find(handle, "ggml_threadpool_chunk_add", addChunks);
        find(handle, "ggml_barrier", barrier);
        dlclose(handle);
    }

    bool hasCounter() const { return setChunk != nullptr && addChunks != nullptr && barrier != nullptr; }

private:
    template <typename Function> static void find(void * handle, const char * name, Function *& function) {
        function = reinterpret_cast<Function *>(dlsym(handle, name));
    }
};

struct PoolCounter : JobCounter {
    const Library & library;
    const ggml_compute_params & params;

    PoolCounter(const Library & library, const ggml_compute_params & params) : library(library), params(params) {}

    void begin(bool isFirstThread) override {
        if (isFirstThread) library.setChunk(params.threadpool, params.nth);
        library.barrier(params.threadpool);
    }
    int next() override { return library.addChunks(params.threadpool, 1); }
    void end() override { library.barrier(params.threadpool); }
};

} // namespace

/**
 * Computes a product of `rows` rows and `tokens` tokens. Each of the threads of `params` calls it. Strides are in blocks.
 *
 * @returns false when nothing is computed: llama.cpp then multiplies in another way
 */
extern "C" bool llamafile_sgemm(
    const ggml_compute_params * params, int64_t rows, int64_t tokens, int64_t blocks, const void * matrix, int64_t matrixStride,
    const void * input, int64_t inputStride, void * out, int64_t outStride, int matrixType, int inputType, int outType) {
    static const Library library(__builtin_return_address(0));
    static const Q4_1Kernel * const kernel = findQ4_1Kernel();
    const bool isQ4_1 = matrixType == GGML_TYPE_Q4_1 && inputType == GGML_TYPE_Q8_1 && outType == GGML_TYPE_F32;
    if (!isQ4_1 || kernel == nullptr || tokens < 2 || !library.hasCounter()) {
        return library.sgemm != nullptr &&
            library.sgemm(
                params, rows, tokens, blocks, matrix, matrixStride, input, inputStride, out, outStride, matrixType, inputType, outType);
    }
    PoolCounter counter(library, *params);
    multiplyTogether(
        *kernel,
        {rows, tokens, blocks, static_cast<const BlockQ4_1 *>(matrix), matrixStride, static_cast<const BlockQ8_1 *>(input), inputStride,
         static_cast<float *>(out), outStride},
        params->ith, params->nth, counter);
    if (params->ith == 0) products++;
    return true;
}

#endif
