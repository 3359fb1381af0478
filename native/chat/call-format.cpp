#include "call-format.h"

#include <map>
#include <string>
#include <vector>

#include "chat-peg-parser.h"
#include "json-schema-to-grammar.h"

namespace {

using Parser = common_peg_parser;

std::string text(const common_json & json, const char * name) { return json.at(name).get<std::string>(); }

bool has(const common_json & json, const char * name) { return json.at(name).get<bool>(); }

/** Whether a value without a name can only be the first argument's. */
bool takesLoneValue(const common_json & arguments) {
    for (size_t index = 1; index < arguments.size(); index++)
        if (has(arguments.at(index), "isRequired")) return false;
    return !arguments.empty();
}

/** How a form writes arguments by their names: what is behind a name and a value, the rules for values of a type, and that for any. */
struct ArgumentRules {
    std::string separator;
    std::string comma;
    std::map<std::string, std::string> byType;
    std::string any;

    std::string valueOf(const common_json & argument) const {
        const auto rule = byType.find(text(argument, "type"));
        return rule == byType.end() ? any : rule->second;
    }

    /** The grammar of a tool's arguments: the required ones, and then others. */
    std::string of(const common_json & arguments) const {
        std::string required;
        std::vector<std::string> others;
        for (const auto & argument : arguments) {
            const auto written = gbnf_format_literal(text(argument, "name") + separator) + " " + valueOf(argument);
            if (!has(argument, "isRequired")) others.push_back(written);
            else required += (required.empty() ? "" : " " + comma + " ") + written;
        }
        std::string behind;
        std::string options;
        for (auto other = others.rbegin(); other != others.rend(); ++other) {
            options = *other + behind + (options.empty() ? "" : " | " + options);
            behind = " (" + comma + " " + *other + ")?" + behind;
        }
        if (!required.empty()) return required + behind;
        return "(" + options + ")?";
    }
};

const char * const integer = R"("-"? ("0" | [1-9] [0-9]{0,14}))";

const ArgumentRules pythonRules = {
    "=",
    R"("," space)",
    {{"string", "python-string"}, {"integer", integer}, {"number", "json-number"}, {"boolean", "python-bool"}},
    "python-value",
};

const ArgumentRules escapedRules = {
    ":",
    R"(",")",
    {{"string", "gemma4-string"}, {"integer", integer}, {"number", "gemma4-number"}, {"boolean", "gemma4-bool"}},
    "gemma4-value",
};

class FormatBuilder {
public:
    /** @param inputs those of ChatParser */
    FormatBuilder(common_chat_peg_builder & p, const common_json & inputs)
        : p(p), inputs(inputs), isParallel(has(inputs, "parallel")), textRule(text(inputs, "textRule")) {}

    /** The whole text. */
    Parser whole() {
        const auto calls = this->calls();
        const auto thoughts = this->thoughts();
        if (has(inputs, "mustCall")) return p.space() + thoughts + calls + p.end();
        if (!textRule.empty()) return p.space() + thoughts + p.choice({calls, json()}) + p.end();
        std::vector<std::string> starts;
        for (const auto & form : inputs.at("forms")) starts.push_back(text(form, "start"));
        // A mark that starts no call is a part of the content.
        const auto content = p.content(p.any() + p.until_one_of(starts));
        const auto free = p.zero_or_more(p.choice({calls, content})) + p.end();
        return thoughts + (has(inputs, "readsBareJson") ? p.choice({bareCalls() + p.end(), free}) : free);
    }

private:
    common_chat_peg_builder & p;
    const common_json & inputs;
    const bool isParallel;
    /** The rule for JSON instead of calls. Empty: the text is free. */
    const std::string textRule;

    Parser thoughts() {
        const auto start = text(inputs, "thoughtsStart");
        if (start.empty()) return p.eps();
        const auto ends = inputs.at("thoughtsEnds").get<std::vector<std::string>>();
        auto end = p.choice();
        for (const auto & mark : ends) end |= p.literal(mark);
        return p.space() + p.optional(p.literal(start) + p.reasoning(p.until_one_of(ends)) + end) + p.space();
    }

    Parser json() { return p.content(p.gbnf(p.rest(), textRule)); }

    Parser calls() {
        auto blocks = p.choice();
        for (const auto & form : inputs.at("forms")) blocks |= toBlock(form);
        const auto block = p.rule("block", blocks) + p.space();
        return p.trigger_rule("tool-calls", isParallel ? p.one_or_more(block) : block);
    }

    Parser bareCalls() {
        const auto call = callOf("json") + p.space();
        return p.space() + p.trigger_rule("bare-calls", isParallel ? p.one_or_more(call) : call);
    }

    Parser callOf(const std::string & form) {
        return p.rule(form + "-call", [&] {
            std::vector<Parser> calls;
            for (const auto & tool : inputs.at("tools")) calls.push_back(p.tool(toCall(form, tool)));
            return p.choice(calls);
        });
    }

    Parser toBlock(const common_json & form) {
        auto call = callOf(text(form, "call"));
        if (form.contains("separator") && isParallel)
            call = call + p.zero_or_more(p.space() + text(form, "separator") + p.space() + call);
        return p.literal(text(form, "start")) + p.space() + call + p.space() + text(form, "end");
    }

    /** Nothing of a call is given before its start is whole. */
    Parser toCall(const std::string & form, const common_json & tool) {
        if (form == "json") return toJsonCall(tool);
        if (form == "tagged") return toTaggedCall(tool);
        if (form == "python") return toPythonCall(tool);
        return toEscapedCall(tool);
    }

    Parser name(const common_json & tool) { return p.tool_name(p.literal(text(tool, "name"))); }

    Parser jsonArguments(const common_json & tool) { return p.tool_args(p.gbnf(p.json(), text(tool, "rule"))); }

    /** {"name": "…", "arguments": {…}} */
    Parser toJsonCall(const common_json & tool) {
        const auto colon = p.space() + ":" + p.space();
        // Some models write the word of Llama's.
        const auto key = p.gbnf(p.choice({p.literal("\"arguments\""), p.literal("\"parameters\"")}), R"("\"arguments\"")");
        const auto start = p.literal("{") + p.space() + "\"name\"" + colon + "\"" + name(tool) + "\"" + p.space() + "," + p.space() + key + colon;
        return p.tool_open(start) + jsonArguments(tool) + p.space() + "}";
    }

    /** name[CALL_ID]id[ARGS]{…} */
    Parser toTaggedCall(const common_json & tool) {
        const auto id = p.gbnf(p.until("[ARGS]"), "[a-zA-Z0-9]{9}");
        return p.tool_open(name(tool) + p.optional("[CALL_ID]" + id) + "[ARGS]" + p.space()) + jsonArguments(tool);
    }

    /** name(key="value", key=1) or name("value"), perhaps within print(). The argument of a value alone has an empty name. */
    Parser toPythonCall(const common_json & tool) {
        const auto key = p.chars("[a-zA-Z_]", 1, 1) + p.chars("[a-zA-Z0-9_]", 0, -1);
        const auto value = p.tool_arg_value(p.choice({p.python_value(), p.json_bool(), p.json_null()}));
        const auto argument = p.rule("python-argument",
            p.tool_arg(p.tool_arg_open(p.tool_arg_name(key) + p.space() + "=" + p.space()) + value + p.tool_arg_close(p.eps())));
        const auto named = p.optional(argument + p.zero_or_more(p.space() + "," + p.space() + argument));
        const auto lone = p.tool_arg(p.tool_arg_open(p.tool_arg_name(p.eps())) + value + p.tool_arg_close(p.eps()));
        const auto & arguments = tool.at("arguments");
        const bool takesLone = takesLoneValue(arguments);
        const auto any = takesLone ? p.choice({lone, named}) : named;
        const auto grammar = "(" + pythonRules.of(arguments) + (takesLone ? " | " + pythonRules.valueOf(arguments.at(0)) : "") + ")";
        const auto written = p.tool_args(arguments.empty() ? any : p.gbnf(any, grammar));
        return p.tool_open(p.optional(p.literal("print(")) + name(tool) + "(" + p.space()) + written + p.space() + p.tool_close(p.literal(")")) +
               p.optional(p.literal(")"));
    }

    /** call:name{key:<escape>value<escape>,key:1}. The names of rules are those that llama.cpp's reader of Gemma 4 knows. */
    Parser toEscapedCall(const common_json & tool) {
        const auto value = p.rule("gemma4-value", [&] {
            const auto escape = p.literal("<escape>");
            const auto string = p.rule("gemma4-string", escape + p.rule("gemma4-string-content", p.until("<escape>")) + escape);
            const auto item = p.ref("gemma4-value");
            const auto comma = p.space() + "," + p.space();
            const auto array = p.rule("gemma4-array",
                "[" + p.space() + p.optional(item + p.zero_or_more(comma + item)) + p.space() + "]");
            return p.choice({string, p.ref("gemma4-dict"), array, p.rule("gemma4-number", p.json_number()),
                             p.rule("gemma4-bool", p.json_bool()), p.rule("gemma4-null", p.json_null())});
        });
        const auto object = p.rule("gemma4-dict", [&] {
            const auto key = p.rule("gemma4-dict-key", p.rule("gemma4-dict-key-name", p.chars("[^:{}<, \\t\\n]", 1, 1) + p.chars("[^:{}<,]", 0, -1)) + ":");
            const auto pair = p.rule("gemma4-dict-kv", key + p.space() + value);
            return "{" + p.space() + p.optional(pair + p.zero_or_more(p.space() + "," + p.space() + pair)) + p.space() + "}";
        });
        // The reader of Gemma 4 wants the braces within the arguments.
        const auto & arguments = tool.at("arguments");
        const auto grammar = "\"{\" " + escapedRules.of(arguments) + " \"}\"";
        return p.tool_open("call:" + name(tool) + p.peek(p.literal("{"))) + p.tool_args(arguments.empty() ? object : p.gbnf(object, grammar));
    }
};

common_peg_arena build(const common_json & inputs) {
    return build_chat_peg_parser([&](common_chat_peg_builder & p) { return FormatBuilder(p, inputs).whole(); });
}

} // namespace

CallFormat buildCallFormat(const std::string & json) {
    auto inputs = common_json::parse(json);
    const auto first = inputs.at("forms").at(0);
    auto parser = build(inputs);
    const bool isLazy = !has(inputs, "mustCall") && text(inputs, "textRule").empty();
    // A model that has no choice writes the first form.
    if (!isLazy) inputs["forms"] = common_json::array({first});
    const auto written = isLazy ? parser : build(inputs);
    auto grammar = build_grammar([&](const common_grammar_builder & builder) { written.build_grammar(builder, isLazy); });
    const bool isEscaped = text(first, "call") == "escaped";
    return {isEscaped ? COMMON_CHAT_FORMAT_PEG_GEMMA4 : COMMON_CHAT_FORMAT_PEG_NATIVE, std::move(parser), std::move(grammar)};
}
