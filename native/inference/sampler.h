// What JavaScript holds of a sampler chain.
#pragma once
#include <memory>

#include "napi.h"
#include "sampler-chain.h"

class Sampler : public Napi::ObjectWrap<Sampler> {
public:
    /** (model, config, grammar?) */
    explicit Sampler(const Napi::CallbackInfo & info);

    static Napi::Function define(Napi::Env env);
    static std::shared_ptr<SamplerChain> chainOf(const Napi::Value & sampler);

private:
    /** Whoever uses it on the inference thread shares it, so that it can be disposed of meanwhile. */
    std::shared_ptr<SamplerChain> chain;
    Napi::ObjectReference modelReference;

    Napi::Value Dispose(const Napi::CallbackInfo & info);
};
