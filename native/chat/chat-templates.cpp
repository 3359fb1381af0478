#include "chat-templates.h"

#include "chat-auto-parser.h"
#include "errors.h"

namespace {

common_chat_templates_inputs readInputs(const common_json & json) {
    common_chat_templates_inputs inputs;
    inputs.messages = common_chat_msgs_parse_oaicompat(json.at("messages"));
    inputs.tools = common_chat_tools_parse_oaicompat(json.at("tools"));
    inputs.tool_choice = common_chat_tool_choice_parse_oaicompat(json.at("toolChoice"));
    inputs.parallel_tool_calls = json.at("parallel").get<bool>();
    // Any schema but an empty one: the caller puts its own grammar in the place of this one's.
    if (json.at("hasSchema").get<bool>()) inputs.json_schema = R"({"type": "object"})";
    inputs.reasoning_format = COMMON_REASONING_FORMAT_DEEPSEEK;
    inputs.enable_thinking = json.at("enableThinking").get<bool>();
    inputs.force_pure_content = json.at("promptOnly").get<bool>();
    for (const auto & [key, value] : json.at("kwargs").items()) inputs.chat_template_kwargs[key] = value.dump();
    return inputs;
}

const char * toName(common_grammar_trigger_type type) {
    switch (type) {
        case COMMON_GRAMMAR_TRIGGER_TYPE_PATTERN: return "pattern";
        case COMMON_GRAMMAR_TRIGGER_TYPE_PATTERN_FULL: return "wholePattern";
        default: return "word";
    }
}

common_json toJson(const common_chat_params & params) {
    auto triggers = common_json::array();
    for (const auto & trigger : params.grammar_triggers)
        triggers.push_back({{"type", toName(trigger.type)}, {"value", trigger.value}});
    return {
        {"prompt", params.prompt},
        {"generationPrompt", params.generation_prompt},
        {"format", static_cast<int>(params.format)},
        {"parser", params.parser},
        {"grammar", params.grammar},
        {"isLazy", params.grammar_lazy},
        {"triggers", triggers},
        {"preservedTokens", params.preserved_tokens},
        {"stops", params.additional_stops},
        {"supportsThinking", params.supports_thinking},
        {"thinkingStart", params.thinking_start_tag},
        {"thinkingEnds", params.thinking_end_tags},
    };
}

} // namespace

ChatTemplates::ChatTemplates(const Napi::CallbackInfo & info) : Napi::ObjectWrap<ChatTemplates>(info) {
    bos = info[1].As<Napi::String>();
    eos = info[2].As<Napi::String>();
    const std::string source = info[0].As<Napi::String>();
    toErrors(info.Env(), [&] { templates = common_chat_templates_init(nullptr, source, bos, eos); });
}

Napi::Value ChatTemplates::Apply(const Napi::CallbackInfo & info) {
    const std::string inputs = info[0].As<Napi::String>();
    return toErrors(info.Env(), [&]() -> Napi::Value {
        const auto params = common_chat_templates_apply(templates.get(), readInputs(common_json::parse(inputs)));
        return Napi::String::New(info.Env(), toJson(params).dump_safe());
    });
}

Napi::Value ChatTemplates::Render(const Napi::CallbackInfo & info) {
    const std::string variables = info[0].As<Napi::String>();
    return toErrors(info.Env(), [&]() -> Napi::Value {
        const std::string source = common_chat_templates_source(templates.get());
        jinja::lexer lexer;
        auto program = jinja::parse_from_tokens(lexer.tokenize(source));
        jinja::context context(source);
        jinja::global_from_json(context, common_json::parse(variables), false);
        jinja::runtime runtime(context);
        return Napi::String::New(info.Env(), jinja::runtime::gather_string_parts(runtime.execute(program))->as_string().str());
    });
}

Napi::Value ChatTemplates::Capabilities(const Napi::CallbackInfo & info) {
    return toErrors(info.Env(), [&]() -> Napi::Value {
        auto result = common_json::object();
        for (const auto & [name, has] : common_chat_templates_get_caps(templates.get())) result[name] = has;
        return Napi::String::New(info.Env(), result.dump());
    });
}

Napi::Value ChatTemplates::IsSpecial(const Napi::CallbackInfo & info) {
    return toErrors(info.Env(), [&]() -> Napi::Value {
        const common_chat_template parsed(common_chat_templates_source(templates.get()), bos, eos);
        autoparser::generation_params params;
        params.messages = common_json::parse(R"([{"role": "user", "content": "."}])");
        params.extra_context = common_json::object();
        params.add_generation_prompt = true;
        return Napi::Boolean::New(info.Env(), common_chat_try_specialized_template(parsed, parsed.source(), params).has_value());
    });
}

Napi::Function ChatTemplates::define(Napi::Env env) {
    return DefineClass(env, "ChatTemplates", {
        InstanceMethod("apply", &ChatTemplates::Apply),
        InstanceMethod("render", &ChatTemplates::Render),
        InstanceMethod("capabilities", &ChatTemplates::Capabilities),
        InstanceMethod("isSpecial", &ChatTemplates::IsSpecial),
    });
}
