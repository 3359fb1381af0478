#include "inference.h"

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "idle-processors.h"
#include "logits.h"
#include "sampler.h"
#include "sequence-state.h"
#include "token-tree.h"

namespace {

/** A function of the backend for this processor, which is loaded by name. */
template <typename Function> Function * find(const char * name) {
    ggml_backend_reg_t backend = ggml_backend_dev_backend_reg(ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU));
    return reinterpret_cast<Function *>(ggml_backend_reg_get_proc_address(backend, name));
}

WorkThread::Result nothing() {
    return [](Napi::Env env) { return env.Undefined(); };
}

/** Copies an Int32Array. */
template <typename Number> std::vector<Number> toVector(const Napi::Value & value) {
    const auto array = value.As<Napi::Int32Array>();
    return {array.Data(), array.Data() + array.ElementLength()};
}

Napi::Value toValue(Napi::Env env, const std::vector<double> & numbers) {
    auto array = Napi::Float64Array::New(env, numbers.size());
    std::copy(numbers.begin(), numbers.end(), array.Data());
    return array;
}

template <typename... Objects> std::vector<Napi::ObjectReference> keep(Objects... objects) {
    std::vector<Napi::ObjectReference> kept;
    (kept.push_back(Napi::Persistent(objects.template As<Napi::Object>())), ...);
    return kept;
}

} // namespace

Inference::Inference(const Napi::CallbackInfo & info) : Napi::ObjectWrap<Inference>(info) {
    context = Napi::ObjectWrap<AddonContext>::Unwrap(info[0].As<Napi::Object>());
    contextReference = Napi::Persistent(info[0].As<Napi::Object>());
    // A process that ends waits for no decode.
    llama_set_abort_callback(
        context->ctx, [](void * isEnding) { return static_cast<const std::atomic<bool> *>(isEnding)->load(); },
        const_cast<std::atomic<bool> *>(&WorkThread::inference(info.Env()).isEnding()));
    const auto options = info[1].As<Napi::Object>();
    mostThreads = options.Get("threads").ToNumber().Int32Value();
    if (mostThreads > 1) keepThreads(mostThreads);
    if (options.Get("adapts").ToBoolean()) governor.emplace(mostThreads, IdleProcessors());
}

Inference::~Inference() { releaseThreads(); }

/** Without any to keep, llama.cpp makes its threads anew for each decode. */
void Inference::keepThreads(int count) {
    ggml_threadpool_params params = ggml_threadpool_params_default(count);
    // Those that wait for work sleep: spinning, they would take the quota of whoever has something to do.
    params.poll = 0;
    auto * create = find<decltype(ggml_threadpool_new)>("ggml_threadpool_new");
    if (create == nullptr) return;
    threads = create(&params);
    llama_attach_threadpool(context->ctx, threads, threads);
}

void Inference::releaseThreads() {
    if (threads != nullptr) find<decltype(ggml_threadpool_free)>("ggml_threadpool_free")(threads);
    threads = nullptr;
}

Napi::Value Inference::run(Napi::Env env, std::vector<Napi::ObjectReference> kept, WorkThread::Work work) {
    kept.push_back(Napi::Persistent(Value()));
    return WorkThread::inference(env).run(env, std::move(kept), [this, work = std::move(work)] {
        if (context->ctx == nullptr) throw std::runtime_error("The context is disposed of.");
        return work();
    });
}

void Inference::setThreads(int count) {
    threadsInUse = count;
    llama_set_n_threads(context->ctx, count, count);
}

void Inference::decode(llama_batch batch) {
    // A piece of a prompt waits less often, and is no step to compare with.
    const bool isGoverned = governor && fixed == 0 && batch.n_tokens <= static_cast<int32_t>(llama_n_seq_max(context->ctx));
    setThreads(isGoverned ? governor->next() : mostThreads);
    const auto begin = std::chrono::steady_clock::now();
    evaluate(batch);
    if (!isGoverned) return;
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    governor->took(time.count(), batch.n_tokens);
}

void Inference::evaluate(llama_batch batch) {
    switch (llama_decode(context->ctx, batch)) {
        case 0: return;
        case 1: throw std::runtime_error("llama.cpp has no room for the tokens in its context.");
        default: throw std::runtime_error("llama.cpp cannot evaluate the tokens.");
    }
}

float * Inference::logitsOf(int32_t output) {
    float * logits = llama_get_logits_ith(context->ctx, output);
    if (logits == nullptr) throw std::runtime_error("llama.cpp gave no logits.");
    return logits;
}

void Inference::assertTokens(Napi::Env env, const std::vector<llama_token> & tokens) const {
    const int32_t size = llama_vocab_n_tokens(context->model->vocab);
    const bool isKnown = std::all_of(tokens.begin(), tokens.end(), [=](llama_token token) { return token >= 0 && token < size; });
    if (!isKnown) throw Napi::RangeError::New(env, "The vocabulary has no such token.");
}

ChosenToken Inference::choose(int32_t output, SamplerChain & sampler) { return sampler.choose(logitsOf(output)); }

/** (boolean) */
Napi::Value Inference::FixThreads(const Napi::CallbackInfo & info) {
    fixed += info[0].ToBoolean() ? 1 : -1;
    return info.Env().Undefined();
}

Napi::Value Inference::Threads(const Napi::CallbackInfo & info) { return Napi::Number::New(info.Env(), threadsInUse); }

Napi::Value Inference::Decode(const Napi::CallbackInfo & info) {
    return run(info.Env(), {}, [this] {
        decode(context->batch);
        return nothing();
    });
}

/** (output, sampler) */
Napi::Value Inference::Sample(const Napi::CallbackInfo & info) {
    const int32_t output = info[0].As<Napi::Number>().Int32Value();
    const auto sampler = Sampler::chainOf(info[1]);
    return run(info.Env(), keep(info[1]), [=]() -> WorkThread::Result {
        return [token = choose(output, *sampler).token](Napi::Env env) { return Napi::Number::New(env, token); };
    });
}

/** (output, token, top): how many of the likeliest. */
Napi::Value Inference::ScoreToken(const Napi::CallbackInfo & info) {
    const int32_t output = info[0].As<Napi::Number>().Int32Value();
    const llama_token token = info[1].As<Napi::Number>().Int32Value();
    const uint32_t top = info[2].As<Napi::Number>().Uint32Value();
    assertTokens(info.Env(), {token});
    const int32_t size = llama_vocab_n_tokens(context->model->vocab);
    return run(info.Env(), {}, [=]() -> WorkThread::Result {
        return [score = scoreToken(logitsOf(output), size, token, top)](Napi::Env env) {
            const size_t count = score.top.size();
            auto tokens = Napi::Uint32Array::New(env, count);
            auto logprobs = Napi::Float64Array::New(env, count);
            for (size_t index = 0; index < count; index++) {
                tokens[index] = score.top[index].token;
                logprobs[index] = score.top[index].logprob;
            }
            auto result = Napi::Object::New(env);
            result.Set("logprob", score.logprob);
            result.Set("topTokens", tokens);
            result.Set("topLogprobs", logprobs);
            return result;
        };
    });
}

/** (output, tokens) */
Napi::Value Inference::ScoreTokens(const Napi::CallbackInfo & info) {
    const int32_t output = info[0].As<Napi::Number>().Int32Value();
    const auto tokens = toVector<llama_token>(info[1]);
    assertTokens(info.Env(), tokens);
    return run(info.Env(), {}, [=]() -> WorkThread::Result {
        const float * logits = logitsOf(output);
        const double logSum = logSumOf(logits, llama_vocab_n_tokens(context->model->vocab));
        std::vector<double> logprobs;
        for (const llama_token token : tokens) logprobs.push_back(logits[token] - logSum);
        return [logprobs](Napi::Env env) { return toValue(env, logprobs); };
    });
}

/** (sequence, tokens, parents, wantedParents, wantedTokens) */
Napi::Value Inference::ScoreTree(const Napi::CallbackInfo & info) {
    const llama_seq_id sequence = info[0].As<Napi::Number>().Int32Value();
    const TokenTree tree{toVector<llama_token>(info[1]), toVector<int32_t>(info[2])};
    const auto parents = toVector<int32_t>(info[3]);
    const auto tokens = toVector<llama_token>(info[4]);
    const int32_t count = tree.tokens.size();
    assertTokens(info.Env(), tree.tokens);
    assertTokens(info.Env(), tokens);
    for (int32_t index = 0; index < count; index++) {
        if (tree.parents[index] < -1 || tree.parents[index] >= index)
            throw Napi::RangeError::New(info.Env(), "A token's parent must come before it.");
    }
    std::vector<WantedToken> wanted;
    for (size_t index = 0; index < tokens.size(); index++) {
        if (parents[index] < 0 || parents[index] >= count)
            throw Napi::RangeError::New(info.Env(), "The tree has no such token.");
        wanted.push_back({parents[index], tokens[index]});
    }
    return run(info.Env(), {}, [=]() -> WorkThread::Result {
        const auto evaluate = [this](llama_batch batch) { decode(batch); };
        return [logprobs = scoreTree(context->ctx, sequence, tree, wanted, evaluate)](Napi::Env env) {
            return toValue(env, logprobs);
        };
    });
}

/** (path, sequence, tokens) */
Napi::Value Inference::SaveSequence(const Napi::CallbackInfo & info) {
    const std::string path = info[0].As<Napi::String>();
    const llama_seq_id sequence = info[1].As<Napi::Number>().Int32Value();
    const auto array = info[2].As<Napi::Uint32Array>();
    const std::vector<llama_token> tokens(array.Data(), array.Data() + array.ElementLength());
    return run(info.Env(), {}, [=] {
        if (llama_state_seq_save_file(context->ctx, path.c_str(), sequence, tokens.data(), tokens.size()) == 0)
            throw std::runtime_error("llama.cpp cannot save the sequence to " + path + ".");
        return nothing();
    });
}

/** (path, sequence, longest): the most tokens. */
Napi::Value Inference::LoadSequence(const Napi::CallbackInfo & info) {
    const std::string path = info[0].As<Napi::String>();
    const llama_seq_id sequence = info[1].As<Napi::Number>().Int32Value();
    const uint32_t longest = info[2].As<Napi::Number>().Uint32Value();
    return run(info.Env(), {}, [=]() -> WorkThread::Result {
        std::vector<llama_token> tokens(longest);
        size_t count = 0;
        if (llama_state_seq_load_file(context->ctx, path.c_str(), sequence, tokens.data(), longest, &count) == 0)
            throw std::runtime_error("llama.cpp cannot load a sequence from " + path + ".");
        tokens.resize(count);
        return [tokens = std::move(tokens)](Napi::Env env) {
            auto array = Napi::Uint32Array::New(env, tokens.size());
            std::copy(tokens.begin(), tokens.end(), array.Data());
            return array;
        };
    });
}

/** (sequence, first): the position of the first token. */
Napi::Value Inference::ReadSequence(const Napi::CallbackInfo & info) {
    const llama_seq_id sequence = info[0].As<Napi::Number>().Int32Value();
    const llama_pos first = info[1].As<Napi::Number>().Int32Value();
    return run(info.Env(), {}, [=]() -> WorkThread::Result {
        return [state = readState(context->ctx, sequence, first)](Napi::Env env) {
            using Owner = std::shared_ptr<uint8_t[]>;
            auto release = [](Napi::Env, uint8_t *, Owner * owner) { delete owner; };
            return Napi::Buffer<uint8_t>::New(env, state.data.get(), state.size, release, new Owner(state.data));
        };
    });
}

/** (sequence, states, ends) */
Napi::Value Inference::WriteSequence(const Napi::CallbackInfo & info) {
    const llama_seq_id sequence = info[0].As<Napi::Number>().Int32Value();
    const auto array = info[1].As<Napi::Array>();
    const auto ends = toVector<llama_pos>(info[2]);
    std::vector<StateUpTo> states;
    auto kept = keep(array);
    for (uint32_t index = 0; index < array.Length(); index++) {
        const auto state = array.Get(index).As<Napi::Uint8Array>();
        states.push_back({state.Data(), state.ByteLength(), ends.at(index)});
        kept.push_back(Napi::Persistent(state.As<Napi::Object>()));
    }
    return run(info.Env(), std::move(kept), [=] {
        writeStates(context->ctx, sequence, states);
        return nothing();
    });
}

Napi::Value Inference::Dispose(const Napi::CallbackInfo & info) {
    return WorkThread::inference(info.Env()).run(info.Env(), keep(Value()), [this]() -> WorkThread::Result {
        context->disposeMemory();
        releaseThreads();
        return [this](Napi::Env env) {
            context->disposeMT();
            return env.Undefined();
        };
    });
}

Napi::Function Inference::define(Napi::Env env) {
    return DefineClass(env, "Inference", {
        InstanceAccessor<&Inference::Threads>("threads"),
        InstanceMethod("fixThreads", &Inference::FixThreads),
        InstanceMethod("decode", &Inference::Decode),
        InstanceMethod("sample", &Inference::Sample),
        InstanceMethod("score", &Inference::ScoreToken),
        InstanceMethod("scoreTokens", &Inference::ScoreTokens),
        InstanceMethod("scoreTree", &Inference::ScoreTree),
        InstanceMethod("saveSequence", &Inference::SaveSequence),
        InstanceMethod("loadSequence", &Inference::LoadSequence),
        InstanceMethod("readSequence", &Inference::ReadSequence),
        InstanceMethod("writeSequence", &Inference::WriteSequence),
        InstanceMethod("dispose", &Inference::Dispose),
    });
}
