// A chat template: llama.cpp renders it, and finds the format in which its model thinks and calls tools.
#pragma once
#include <optional>

#include "chat.h"
#include "napi.h"

// Taken from llama.cpp's chat.cpp when this is compiled.
#include "common-chat-templates.h"

/** A prompt and the format of its answer as JSON, and the parser of the answer. */
struct Applied {
    std::string json;
    common_peg_arena parser;
};

class ChatTemplates : public Napi::ObjectWrap<ChatTemplates> {
public:
    /** (source, bos, eos): the template, or a name of listNames. Throws when it cannot be parsed. */
    explicit ChatTemplates(const Napi::CallbackInfo & info);

    static Napi::Function define(Napi::Env env);

private:
    common_chat_templates_ptr templates;
    /** Whether llama.cpp has code in the place of a template. That code renders prompts, and knows neither tools nor thoughts. */
    bool isCode = false;

    const common_chat_template & parsed() const;
    common_chat_params applyTo(common_chat_templates_inputs inputs) const;
    /** Of any thread. Without a number of seconds, the conversation has those of its length. */
    Applied applyWithin(std::optional<double> seconds, const common_chat_templates_inputs & inputs) const;

    /** The names of the templates that llama.cpp has for models without one. */
    static Napi::Value ListNames(const Napi::CallbackInfo & info);
    /**
     * (inputs): JSON. Gives an object of the members of Applied; a promise of it where that takes long. Throws what the template
     * throws.
     */
    Napi::Value Apply(const Napi::CallbackInfo & info);
    /** As Apply, but never a promise. */
    Napi::Value ApplyExample(const Napi::CallbackInfo & info);
    /** (variables): JSON. Renders the template with these variables alone. */
    Napi::Value Render(const Napi::CallbackInfo & info);
    /**
     * Gives JSON: llama.cpp's names of what the template can do, each with true or false, and `is_special`: whether llama.cpp has code
     * for this family alone, instead of finding its format by rendering examples.
     */
    Napi::Value Capabilities(const Napi::CallbackInfo & info);
};
