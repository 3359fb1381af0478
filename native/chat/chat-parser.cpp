#include "chat-parser.h"

#include "call-format.h"
#include "errors.h"

namespace {

/** llama.cpp's parser recurses, and some thousands of brackets overflow the stack. */
constexpr int deepest = 500;

bool isDeep(const std::string & text) {
    int depth = 0;
    for (const char each : text) {
        if (each == '[' || each == '{') depth += 1;
        else if ((each == ']' || each == '}') && depth > 0) depth -= 1;
        if (depth > deepest) return true;
    }
    return false;
}

} // namespace

ChatParser::ChatParser(const Napi::CallbackInfo & info) : Napi::ObjectWrap<ChatParser>(info) {
    params.generation_prompt = info[0].As<Napi::String>();
    params.reasoning_format = COMMON_REASONING_FORMAT_DEEPSEEK;
    if (info[1].IsNumber()) {
        params.format = static_cast<common_chat_format>(info[1].As<Napi::Number>().Int32Value());
        params.parser = std::move(*info[2].As<Napi::External<common_peg_arena>>().Data());
        return;
    }
    const std::string inputs = info[1].As<Napi::String>();
    auto built = toErrors(info.Env(), [&] { return buildCallFormat(inputs); });
    params.format = built.format;
    params.parser = std::move(built.parser);
    grammar = std::move(built.grammar);
}

Napi::Value ChatParser::Grammar(const Napi::CallbackInfo & info) { return Napi::String::New(info.Env(), grammar); }

Napi::Value ChatParser::Parse(const Napi::CallbackInfo & info) {
    const std::string text = info[0].As<Napi::String>();
    const bool isPartial = info[1].As<Napi::Boolean>();
    if (isDeep(text)) return info.Env().Undefined();
    common_chat_msg message;
    try {
        message = common_chat_parse(text, isPartial, params);
    } catch (const std::exception &) {
        // Its message says no more.
        return info.Env().Undefined();
    }
    auto calls = common_json::array();
    for (const auto & call : message.tool_calls) calls.push_back({{"name", call.name}, {"arguments", call.arguments}});
    const common_json result = {
        {"content", message.content},
        {"reasoning", message.reasoning_content},
        {"calls", calls},
        {"ending", isPartial ? "open" : endingOf(text)},
    };
    return Napi::String::New(info.Env(), result.dump_safe());
}

const char * ChatParser::endingOf(const std::string & text) const {
    if (params.parser.empty()) return "complete";
    const std::string whole = params.generation_prompt + text;
    common_peg_parse_context context(whole, COMMON_PEG_PARSE_FLAG_LENIENT);
    const auto result = params.parser.parse(context);
    if (!result.success()) return "open";
    return whole.find_first_not_of(" \t\r\n", result.end) == std::string::npos ? "complete" : "left";
}

Napi::Function ChatParser::define(Napi::Env env) {
    return DefineClass(env, "ChatParser", {
        InstanceMethod("parse", &ChatParser::Parse),
        InstanceAccessor<&ChatParser::Grammar>("grammar"),
    });
}
