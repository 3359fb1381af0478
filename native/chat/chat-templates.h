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

    // src/engine/chat-library.ts says what these take and give.
    static Napi::Value ListNames(const Napi::CallbackInfo & info);
    Napi::Value Apply(const Napi::CallbackInfo & info);
    Napi::Value ApplyExample(const Napi::CallbackInfo & info);
    Napi::Value Render(const Napi::CallbackInfo & info);
    Napi::Value Capabilities(const Napi::CallbackInfo & info);
};
