#include "sampler.h"

#include "AddonModel.h"

Sampler::Sampler(const Napi::CallbackInfo & info) : Napi::ObjectWrap<Sampler>(info) {
    const auto * model = Napi::ObjectWrap<AddonModel>::Unwrap(info[0].As<Napi::Object>());
    modelReference = Napi::Persistent(info[0].As<Napi::Object>());
    const bool hasGrammar = info.Length() > 2 && info[2].IsObject();
    chain = std::make_shared<SamplerChain>(
        model->vocab, readSamplerConfig(info[1].As<Napi::Object>()),
        hasGrammar ? Napi::ObjectWrap<Grammar>::Unwrap(info[2].As<Napi::Object>())->source : nullptr);
}

std::shared_ptr<SamplerChain> Sampler::chainOf(const Napi::Value & sampler) {
    const auto chain = Napi::ObjectWrap<Sampler>::Unwrap(sampler.As<Napi::Object>())->chain;
    if (chain == nullptr) throw Napi::Error::New(sampler.Env(), "The sampler is disposed of.");
    return chain;
}

Napi::Value Sampler::Dispose(const Napi::CallbackInfo & info) {
    chain.reset();
    return info.Env().Undefined();
}

Napi::Function Sampler::define(Napi::Env env) {
    return DefineClass(env, "Sampler", {InstanceMethod("dispose", &Sampler::Dispose)});
}
