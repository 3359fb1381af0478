#include "chat-templates.h"

#include <algorithm>
#include <memory>

#include "chat-auto-parser.h"
#include "errors.h"
#include "llama.h"
#include "template-budget.h"
#include "work-thread.h"

namespace {

/** Of the processor: a conversation that takes more is rendered on another thread. */
constexpr double secondsInPlace = 0.01;
/** Of the inputs. Reading longer ones takes as long. */
constexpr size_t longestInPlace = 64u << 10;
/** Finding a format takes 3 ms for each tool of 300 bytes, which no checkpoint ends. */
constexpr size_t longestWithFormat = 2u << 10;

common_chat_templates_inputs readInputs(const std::string & text) {
    const auto json = common_json::parse(text);
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

common_json toJson(const common_chat_params & params) {
    auto triggers = common_json::array();
    for (const auto & trigger : params.grammar_triggers)
        triggers.push_back({{"isWord", trigger.type == COMMON_GRAMMAR_TRIGGER_TYPE_WORD}, {"value", trigger.value}});
    return {
        {"prompt", params.prompt},
        {"generationPrompt", params.generation_prompt},
        {"format", static_cast<int>(params.format)},
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

Napi::Value give(Napi::Env env, Applied applied) {
    auto object = Napi::Object::New(env);
    object.Set("json", applied.json);
    object.Set("parser", Napi::External<common_peg_arena>::New(env, new common_peg_arena(std::move(applied.parser)),
                                                               [](Napi::Env, common_peg_arena * parser) { delete parser; }));
    return object;
}

/** Calls a function within the budget of an example, and gives its result to JavaScript. */
template <typename Function> Napi::Value spend(Napi::Env env, Function function) {
    return toErrors(env, [&] { return Napi::Value::From(env, TemplateBudget::spend(TemplateBudget::secondsOf(1), function)); });
}

std::vector<std::string> listNames() {
    std::vector<const char *> names(llama_chat_builtin_templates(nullptr, 0));
    llama_chat_builtin_templates(names.data(), names.size());
    return {names.begin(), names.end()};
}

} // namespace

ChatTemplates::ChatTemplates(const Napi::CallbackInfo & info) : Napi::ObjectWrap<ChatTemplates>(info) {
    const std::string bos = info[1].As<Napi::String>();
    const std::string eos = info[2].As<Napi::String>();
    const std::string source = info[0].As<Napi::String>();
    const auto names = listNames();
    const bool isName = std::find(names.begin(), names.end(), source) != names.end();
    // Of this one llama.cpp has a template.
    isCode = isName && source != "chatml";
    toErrors(info.Env(), [&] {
        if (!isName && source.find('{') == std::string::npos)
            throw std::runtime_error("llama.cpp has no template of the name '" + source + "'.");
        // llama.cpp renders examples before anybody can add checkpoints, so the same ones are rendered with checkpoints first.
        jinja::lexer lexer;
        const auto tokens = lexer.tokenize(source);
        assertShallow(tokens.tokens);
        auto program = jinja::parse_from_tokens(tokens);
        addCheckpoints(program);
        TemplateBudget::spend(TemplateBudget::secondsOf(1), [&] { return jinja::caps_get(program); });
        templates = common_chat_templates_init(nullptr, source, bos, eos);
        addCheckpoints(parsed().prog);
    });
}

const common_chat_template & ChatTemplates::parsed() const { return *templates->template_default; }

common_chat_params ChatTemplates::applyTo(common_chat_templates_inputs inputs) const {
    inputs.use_jinja = !isCode;
    auto params = common_chat_templates_apply(templates.get(), inputs);
    if (!isCode) return params;
    inputs.add_generation_prompt = false;
    const std::string messages = common_chat_templates_apply(templates.get(), inputs).prompt;
    if (params.prompt.compare(0, messages.size(), messages) == 0) params.generation_prompt = params.prompt.substr(messages.size());
    return params;
}

Napi::Value ChatTemplates::ListNames(const Napi::CallbackInfo & info) {
    auto list = Napi::Array::New(info.Env());
    for (const auto & name : listNames()) list.Set(list.Length(), name);
    return list;
}

Applied ChatTemplates::applyWithin(std::optional<double> seconds, const common_chat_templates_inputs & inputs) const {
    const auto allowed = TemplateBudget::secondsOf(inputs.messages.size() + inputs.tools.size());
    return TemplateBudget::spend(seconds.value_or(allowed), [&] {
        const auto params = applyTo(inputs);
        Applied applied{toJson(params).dump_safe(), {}};
        if (!params.parser.empty()) applied.parser.load(params.parser);
        return applied;
    });
}

Napi::Value ChatTemplates::Apply(const Napi::CallbackInfo & info) {
    const Napi::Env env = info.Env();
    const std::string json = info[0].As<Napi::String>();
    return toErrors(env, [&]() -> Napi::Value {
        try {
            if (json.size() <= longestInPlace) {
                const auto inputs = readInputs(json);
                if (inputs.force_pure_content || json.size() <= longestWithFormat) return give(env, applyWithin(secondsInPlace, inputs));
            }
        } catch (const TemplateLimit & limit) {
            if (!limit.isTime) throw;
        }
        std::vector<Napi::ObjectReference> kept;
        kept.push_back(Napi::Persistent(Value()));
        return WorkThread::preparation(env).run(env, std::move(kept), [this, json]() -> WorkThread::Result {
            const auto applied = std::make_shared<Applied>(applyWithin({}, readInputs(json)));
            return [applied](Napi::Env env) { return give(env, std::move(*applied)); };
        });
    });
}

Napi::Value ChatTemplates::ApplyExample(const Napi::CallbackInfo & info) {
    const std::string json = info[0].As<Napi::String>();
    return toErrors(info.Env(), [&] { return give(info.Env(), applyWithin({}, readInputs(json))); });
}

Napi::Value ChatTemplates::Render(const Napi::CallbackInfo & info) {
    const std::string variables = info[0].As<Napi::String>();
    return spend(info.Env(), [&] {
        jinja::context context(parsed().source());
        jinja::global_from_json(context, common_json::parse(variables), false);
        jinja::runtime runtime(context);
        const auto parts = jinja::runtime::gather_string_parts(runtime.execute(parsed().prog));
        return parts->as_string().str();
    });
}

Napi::Value ChatTemplates::Capabilities(const Napi::CallbackInfo & info) {
    return spend(info.Env(), [&] {
        auto result = common_json::object();
        for (const auto & [name, has] : common_chat_templates_get_caps(templates.get())) result[name] = has;
        if (isCode) result["supports_system_role"] = true;
        autoparser::generation_params params;
        params.messages = common_json::parse(R"([{"role": "user", "content": "."}])");
        params.extra_context = common_json::object();
        params.add_generation_prompt = true;
        try {
            result["is_special"] = common_chat_try_specialized_template(parsed(), parsed().source(), params).has_value();
        } catch (const std::exception &) {
            // The code of its family rejects the example.
            result["is_special"] = true;
        }
        return result.dump();
    });
}

Napi::Function ChatTemplates::define(Napi::Env env) {
    return DefineClass(env, "ChatTemplates", {
        StaticMethod("listNames", &ChatTemplates::ListNames),
        InstanceMethod("apply", &ChatTemplates::Apply),
        InstanceMethod("applyExample", &ChatTemplates::ApplyExample),
        InstanceMethod("render", &ChatTemplates::Render),
        InstanceMethod("capabilities", &ChatTemplates::Capabilities),
    });
}
