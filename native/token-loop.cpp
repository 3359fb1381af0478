// One sequence's token loop below JavaScript: each step evaluates the token that the step before has chosen and chooses
// the next, so that the next step can be asked for before JavaScript has seen the last one's token. It works on the
// contexts and the samplers of node-llama-cpp's native module, whose own headers it is compiled with.
#include <algorithm>
#include <atomic>
#include <mutex>
#include <queue>
#include <string>

#include "AddonContext.h"
#include "ggml-backend.h"
#include "ggml-cpu.h"
#include "llama.h"
#include "napi.h"

namespace {

/** What a step that was not taken has chosen. */
constexpr llama_token noToken = -1;

/** Whether nothing but the highest logit counts. */
bool isGreedy(const AddonSampler & sampler) {
    return sampler.greedySampler != nullptr && sampler.xtcSampler == nullptr && sampler.tokenBiasSampler == nullptr &&
        sampler.repeatPenaltySampler == nullptr && sampler.dryRepeatPenaltySampler == nullptr &&
        sampler.grammarEvaluationState == nullptr;
}

/** The first of the highest logits, as llama.cpp's greedy sampler chooses, without a copy of the vocabulary. */
llama_token chooseHighest(const float * logits, int32_t size) {
    // In lanes: a compiler may not change the order in which one maximum is compared.
    constexpr int32_t laneCount = 16;
    float lanes[laneCount];
    std::fill(lanes, lanes + laneCount, logits[0]);
    int32_t token = 0;
    for (; token + laneCount <= size; token += laneCount) {
        for (int32_t lane = 0; lane < laneCount; lane++) {
            lanes[lane] = logits[token + lane] > lanes[lane] ? logits[token + lane] : lanes[lane];
        }
    }
    float highest = *std::max_element(lanes, lanes + laneCount);
    for (; token < size; token++) highest = std::max(highest, logits[token]);
    const float * place = std::find(logits, logits + size, highest);
    return place == logits + size ? 0 : static_cast<llama_token>(place - logits);
}

class TokenLoop : public Napi::ObjectWrap<TokenLoop> {
public:
    /** (context, sampler, sequence, position, token): where the next token stands, and which it is. */
    explicit TokenLoop(const Napi::CallbackInfo & info) : Napi::ObjectWrap<TokenLoop>(info) {
        context = Napi::ObjectWrap<AddonContext>::Unwrap(info[0].As<Napi::Object>());
        sampler = Napi::ObjectWrap<AddonSampler>::Unwrap(info[1].As<Napi::Object>());
        contextReference = Napi::Persistent(info[0].As<Napi::Object>());
        samplerReference = Napi::Persistent(info[1].As<Napi::Object>());
        sequence = info[2].As<Napi::Number>().Int32Value();
        position = info[3].As<Napi::Number>().Int32Value();
        token = info[4].As<Napi::Number>().Int32Value();
        vocabulary = llama_model_get_vocab(llama_get_model(context->ctx));
    }

    /** Takes the next step, on a thread of libuv's. */
    void advance() {
        std::lock_guard<std::mutex> turn(stepping);
        Result result;
        if (!stopped) result = step();
        std::lock_guard<std::mutex> lock(resultsMutex);
        results.push(std::move(result));
    }

    /** Answers the oldest call with the oldest result, whichever of libuv's threads has brought one. */
    void settle(Napi::Env env) {
        const Napi::Promise::Deferred deferred = asked.front();
        asked.pop();
        Result result;
        {
            std::lock_guard<std::mutex> lock(resultsMutex);
            result = std::move(results.front());
            results.pop();
        }
        if (result.error.empty()) deferred.Resolve(Napi::Number::New(env, result.token));
        else deferred.Reject(Napi::Error::New(env, result.error).Value());
    }

    Napi::Value Step(const Napi::CallbackInfo & info);

    /** Steps that have not begun do nothing. */
    Napi::Value Stop(const Napi::CallbackInfo & info) {
        stopping = true;
        return info.Env().Undefined();
    }

    static Napi::Function Define(Napi::Env env) {
        return DefineClass(env, "TokenLoop", {InstanceMethod("step", &TokenLoop::Step), InstanceMethod("stop", &TokenLoop::Stop)});
    }

private:
    struct Result {
        llama_token token = noToken;
        std::string error;
    };

    AddonContext * context;
    AddonSampler * sampler;
    Napi::ObjectReference contextReference;
    Napi::ObjectReference samplerReference;
    const llama_vocab * vocabulary;
    llama_seq_id sequence;
    llama_pos position;
    llama_token token;
    std::atomic<bool> stopping{false};
    /** Held by the step that runs: libuv may have several threads. */
    std::mutex stepping;
    bool stopped = false;
    std::mutex resultsMutex;
    std::queue<Result> results;
    /** Of JavaScript's thread alone. */
    std::queue<Napi::Promise::Deferred> asked;

    Result step() {
        if (stopping) {
            stopped = true;
            return {};
        }
        Result result;
        try {
            result.token = decodeAndChoose();
        } catch (const std::exception & error) {
            result.error = error.what();
        } catch (...) {
            result.error = "llama.cpp failed for an unknown reason.";
        }
        stopped = !result.error.empty() || llama_vocab_is_eog(vocabulary, result.token);
        return result;
    }

    llama_token decodeAndChoose() {
        int32_t one = 1;
        llama_seq_id * sequences = &sequence;
        int8_t wantsLogits = 1;
        llama_batch batch{1, &token, nullptr, &position, &one, &sequences, &wantsLogits};
        if (llama_decode(context->ctx, batch) != 0) throw std::runtime_error("llama.cpp cannot evaluate a token.");
        position += 1;
        token = choose();
        return token;
    }

    llama_token choose() {
        const float * logits = llama_get_logits_ith(context->ctx, 0);
        if (logits == nullptr) throw std::runtime_error("llama.cpp gave no logits.");
        if (isGreedy(*sampler)) return chooseHighest(logits, llama_vocab_n_tokens(vocabulary));
        sampler->rebuildChainIfNeeded();
        llama_token_data_array candidates;
        std::unique_lock<std::mutex> lock(context->sharedSamplerData.mutex);
        sampler->sampleAndReleaseLock(context->sharedSamplerData.mutex, lock, context->ctx, 0, candidates, false);
        if (candidates.selected < 0 || candidates.selected >= static_cast<int64_t>(candidates.size))
            throw std::runtime_error("llama.cpp chose no token.");
        const llama_token chosen = candidates.data[candidates.selected].id;
        sampler->acceptToken(chosen);
        return chosen;
    }
};

class StepWorker : public Napi::AsyncWorker {
public:
    StepWorker(Napi::Env env, TokenLoop * loop, Napi::Object self)
        : Napi::AsyncWorker(env, "TokenLoopStep"), loop(loop), reference(Napi::Persistent(self)) {}

protected:
    void Execute() override { loop->advance(); }
    void OnOK() override { loop->settle(Env()); }

private:
    TokenLoop * loop;
    Napi::ObjectReference reference;
};

Napi::Value TokenLoop::Step(const Napi::CallbackInfo & info) {
    asked.push(Napi::Promise::Deferred::New(info.Env()));
    (new StepWorker(info.Env(), this, info.This().As<Napi::Object>()))->Queue();
    return asked.back().Promise();
}

/** Threads that a context's decodes share; without any, llama.cpp makes them anew for each decode. */
class Threads : public Napi::ObjectWrap<Threads> {
public:
    /** (context, count) */
    explicit Threads(const Napi::CallbackInfo & info) : Napi::ObjectWrap<Threads>(info) {
        auto * context = Napi::ObjectWrap<AddonContext>::Unwrap(info[0].As<Napi::Object>());
        ggml_threadpool_params params = ggml_threadpool_params_default(info[1].As<Napi::Number>().Int32Value());
        // Those that wait for work sleep: spinning, they would take the quota of whoever has something to do.
        params.poll = 0;
        auto * create = find<decltype(ggml_threadpool_new)>("ggml_threadpool_new");
        release = find<decltype(ggml_threadpool_free)>("ggml_threadpool_free");
        if (create == nullptr || release == nullptr) throw Napi::Error::New(info.Env(), "The backend has no threads to keep.");
        pool = create(&params);
        llama_attach_threadpool(context->ctx, pool, pool);
    }

    /** Only after the context's own. */
    Napi::Value Dispose(const Napi::CallbackInfo & info) {
        if (pool != nullptr) release(pool);
        pool = nullptr;
        return info.Env().Undefined();
    }

    static Napi::Function Define(Napi::Env env) {
        return DefineClass(env, "Threads", {InstanceMethod("dispose", &Threads::Dispose)});
    }

private:
    ggml_threadpool_t pool = nullptr;
    decltype(ggml_threadpool_free) * release = nullptr;

    /** A function of the backend for this processor, which is loaded by name. */
    template <typename Function> static Function * find(const char * name) {
        ggml_backend_reg_t backend = ggml_backend_dev_backend_reg(ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU));
        return reinterpret_cast<Function *>(ggml_backend_reg_get_proc_address(backend, name));
    }
};

Napi::Object Init(Napi::Env env, Napi::Object exports) {
    exports.Set("TokenLoop", TokenLoop::Define(env));
    exports.Set("Threads", Threads::Define(env));
    return exports;
}

} // namespace

NODE_API_MODULE(token_loop, Init)
