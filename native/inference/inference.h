// The calls of one context that take time. They work on the contexts of node-llama-cpp's native module, whose own headers this
// is compiled with.
#pragma once
#include <atomic>
#include <optional>

#include "AddonContext.h"
#include "ggml-backend.h"
#include "ggml-cpu.h"
#include "work-thread.h"
#include "napi.h"
#include "sampler-chain.h"
#include "thread-governor.h"

class Inference : public Napi::ObjectWrap<Inference> {
public:
    /** (context, {threads, adapts}): how many decode, and whether fewer do while other processes want the processors. */
    explicit Inference(const Napi::CallbackInfo & info);
    ~Inference() override;

    static Napi::Function define(Napi::Env env);

    /** Queues work on the context, which fails when the context is disposed of before its turn. */
    Napi::Value run(Napi::Env env, std::vector<Napi::ObjectReference> kept, WorkThread::Work work);

    /** Evaluates a batch. On the inference thread, as those below. */
    void decode(llama_batch batch);
    /** Chooses a token by the logits of one of the last batch's. */
    ChosenToken choose(int32_t output, SamplerChain & sampler);

private:
    AddonContext * context;
    Napi::ObjectReference contextReference;
    ggml_threadpool_t threads = nullptr;
    int mostThreads;
    /** Of the last decode. */
    std::atomic<int> threadsInUse{0};
    std::optional<ThreadGovernor> governor;
    /** How many texts want the same rounding whatever else runs. */
    std::atomic<int> fixed{0};

    void evaluate(llama_batch batch);
    float * logitsOf(int32_t output);
    /** @throws Napi::RangeError for a token outside of the vocabulary */
    void assertTokens(Napi::Env env, const std::vector<llama_token> & tokens) const;
    void keepThreads(int count);
    void releaseThreads();
    void setThreads(int count);

    Napi::Value FixThreads(const Napi::CallbackInfo & info);
    Napi::Value Threads(const Napi::CallbackInfo & info);

    Napi::Value Decode(const Napi::CallbackInfo & info);
    Napi::Value Sample(const Napi::CallbackInfo & info);
    Napi::Value ScoreToken(const Napi::CallbackInfo & info);
    Napi::Value ScoreTokens(const Napi::CallbackInfo & info);
    Napi::Value ScoreTree(const Napi::CallbackInfo & info);
    Napi::Value SaveSequence(const Napi::CallbackInfo & info);
    Napi::Value LoadSequence(const Napi::CallbackInfo & info);
    Napi::Value ReadSequence(const Napi::CallbackInfo & info);
    Napi::Value WriteSequence(const Napi::CallbackInfo & info);
    Napi::Value Dispose(const Napi::CallbackInfo & info);
};
