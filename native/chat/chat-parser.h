// Parses a model's text, whole or as far as it has come, into thoughts, content and calls.
#pragma once
#include "chat.h"
#include "napi.h"

class ChatParser : public Napi::ObjectWrap<ChatParser> {
public:
    explicit ChatParser(const Napi::CallbackInfo & info);

    static Napi::Function define(Napi::Env env);

private:
    common_chat_parser_params params;
    /** Of a format of calls that llama.cpp does not know. */
    std::string grammar;

    /** How a text ends: llama.cpp gives the start of one, and one that leaves the format, as well. */
    const char * endingOf(const std::string & text) const;

    // src/engine/chat-library.ts says what these take and give.
    Napi::Value Grammar(const Napi::CallbackInfo & info);
    Napi::Value Parse(const Napi::CallbackInfo & info);
};
