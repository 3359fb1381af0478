// A chat template: llama.cpp renders it, and finds the format in which its model thinks and calls tools.
#pragma once
#include "chat.h"
#include "napi.h"

class ChatTemplates : public Napi::ObjectWrap<ChatTemplates> {
public:
    /** (source, bos, eos): the template, or the name of one of llama.cpp's. Throws when it cannot be parsed. */
    explicit ChatTemplates(const Napi::CallbackInfo & info);

    static Napi::Function define(Napi::Env env);

private:
    common_chat_templates_ptr templates;
    std::string bos;
    std::string eos;

    /** (inputs): JSON. Gives JSON: the prompt and the format of the answer. Throws what the template throws. */
    Napi::Value Apply(const Napi::CallbackInfo & info);
    /** (variables): JSON. Renders the template with these variables alone. */
    Napi::Value Render(const Napi::CallbackInfo & info);
    /** Gives JSON: llama.cpp's names of what the template can do, each with true or false. */
    Napi::Value Capabilities(const Napi::CallbackInfo & info);
    /** Whether llama.cpp has code for this family alone, instead of finding its format by rendering examples. */
    Napi::Value IsSpecial(const Napi::CallbackInfo & info);
};
