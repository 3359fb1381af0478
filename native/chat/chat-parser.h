// Parses a model's text, whole or as far as it has come, into thoughts, content and calls.
#pragma once
#include "chat.h"
#include "napi.h"

class ChatParser : public Napi::ObjectWrap<ChatParser> {
public:
    /** (format, generationPrompt, parser): as ChatTemplates.apply gave them. */
    explicit ChatParser(const Napi::CallbackInfo & info);

    static Napi::Function define(Napi::Env env);

private:
    common_chat_parser_params params;

    /** Whether a text has the format from its start to its end; llama.cpp gives the start of one as well. */
    bool isComplete(const std::string & text) const;

    /** (text, isPartial). Gives JSON, or undefined for a text that the format does not admit. */
    Napi::Value Parse(const Napi::CallbackInfo & info);
};
