#include "token-loop.h"

#include "sampler.h"

namespace {

/** What a step that was not taken has chosen. */
constexpr llama_token noToken = -1;

} // namespace

TokenLoop::TokenLoop(const Napi::CallbackInfo & info) : Napi::ObjectWrap<TokenLoop>(info) {
    inference = Napi::ObjectWrap<Inference>::Unwrap(info[0].As<Napi::Object>());
    inferenceReference = Napi::Persistent(info[0].As<Napi::Object>());
    samplerReference = Napi::Persistent(info[1].As<Napi::Object>());
    sequence = info[2].As<Napi::Number>().Int32Value();
    position = info[3].As<Napi::Number>().Int32Value();
    token = info[4].As<Napi::Number>().Int32Value();
}

Napi::Value TokenLoop::Step(const Napi::CallbackInfo & info) {
    std::vector<Napi::ObjectReference> kept;
    kept.push_back(Napi::Persistent(Value()));
    // Of each step: the chain is freed when the sampler is disposed of, and not when the loop is collected.
    const auto sampler = Sampler::chainOf(samplerReference.Value());
    return inference->run(info.Env(), std::move(kept), [this, sampler]() -> WorkThread::Result {
        return [chosen = advance(*sampler).token](Napi::Env env) { return Napi::Number::New(env, chosen); };
    });
}

ChosenToken TokenLoop::advance(SamplerChain & sampler) {
    if (stopping || ended) return {noToken, true};
    // Also when this step fails.
    ended = true;
    int32_t one = 1;
    llama_seq_id * sequences = &sequence;
    int8_t wantsLogits = 1;
    inference->decode({1, &token, nullptr, &position, &one, &sequences, &wantsLogits});
    position += 1;
    auto chosen = inference->choose(0, sampler);
    token = chosen.token;
    ended = chosen.ends;
    return chosen;
}

/** Steps that have not begun do nothing. */
Napi::Value TokenLoop::Stop(const Napi::CallbackInfo & info) {
    stopping = true;
    return info.Env().Undefined();
}

Napi::Function TokenLoop::define(Napi::Env env) {
    return DefineClass(env, "TokenLoop", {InstanceMethod("step", &TokenLoop::Step), InstanceMethod("stop", &TokenLoop::Stop)});
}
