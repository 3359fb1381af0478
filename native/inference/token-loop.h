// One sequence's token loop below JavaScript: each step evaluates the token that the step before has chosen and chooses
// the next, so that the next step can be asked for before JavaScript has seen the last one's token. It ends with a token that
// ends the text.
#pragma once
#include <atomic>

#include "inference.h"
#include "sampler-chain.h"

class TokenLoop : public Napi::ObjectWrap<TokenLoop> {
public:
    /** (inference, sampler, sequence, position, token): where the next token stands, and which it is. */
    explicit TokenLoop(const Napi::CallbackInfo & info);

    static Napi::Function define(Napi::Env env);

private:
    Inference * inference;
    Napi::ObjectReference inferenceReference;
    Napi::ObjectReference samplerReference;
    llama_seq_id sequence;
    llama_pos position;
    llama_token token;
    std::atomic<bool> stopping{false};
    /** Of the inference thread alone, as the position and the token. */
    bool ended = false;

    ChosenToken advance(SamplerChain & sampler);

    Napi::Value Step(const Napi::CallbackInfo & info);
    Napi::Value Stop(const Napi::CallbackInfo & info);
};
