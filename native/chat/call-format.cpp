#include "call-format.h"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "chat-peg-parser.h"
#include "json-schema-to-grammar.h"

namespace {

using Parser = common_peg_parser;

struct Argument {
    std::string name;
    /** Its type in the JSON Schema. Empty: any. */
    std::string type;
    bool isRequired;
};

struct Tool {
    std::string name;
    /** The name of the rule for its arguments as JSON. */
    std::string rule;
    /** Empty: any. */
    std::vector<Argument> arguments;

    /** Whether a value without a name can only be the first argument's. */
    bool takesLoneValue() const {
        return !arguments.empty() && std::none_of(arguments.begin() + 1, arguments.end(), [](const Argument & each) { return each.isRequired; });
    }
};

/** How a form writes arguments by their names: what is behind a name and a value, the rules for values of a type, and that for any. */
struct ArgumentRules {
    std::string separator;
    std::string comma;
    std::map<std::string, std::string> byType;
    std::string any;

    std::string valueOf(const Argument & argument) const {
        const auto rule = byType.find(argument.type);
        return rule == byType.end() ? any : rule->second;
    }

    std::string of(const Argument & argument) const { return gbnf_format_literal(argument.name + separator) + " " + valueOf(argument); }

    /** The grammar of a tool's arguments: the required ones, and then others. */
    std::string of(const Tool & tool) const {
        std::string required;
        std::vector<std::string> others;
        for (const auto & argument : tool.arguments) {
            if (!argument.isRequired) others.push_back(of(argument));
            else required += (required.empty() ? "" : " " + comma + " ") + of(argument);
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

/** A block of calls: the texts around it, how a call is written, and what is between two calls, if it has several. */
struct Form {
    std::string start;
    std::string end;
    std::string call;
    bool hasSeveral;
    std::string separator;
};

struct Inputs {
    std::vector<Form> forms;
    std::vector<Tool> tools;
    bool mustCall;
    bool isParallel;
    /** The rule for JSON instead of calls. Empty: the text is free. */
    std::string textRule;
    /** Whether a text of the JSON of calls and nothing else is calls. */
    bool readsBareJson;
    /** Empty: the model does not think. */
    std::string thoughtsStart;
    std::vector<std::string> thoughtsEnds;
};

/** A call from its start on, and the rest of it. Nothing of a call is given before its start is whole. */
struct Call {
    Parser start;
    Parser rest;
};

class FormatBuilder {
public:
    FormatBuilder(common_chat_peg_builder & p, const Inputs & inputs) : p(p), inputs(inputs) {}

    /** The whole text. */
    Parser text() {
        const auto calls = this->calls();
        const auto thoughts = this->thoughts();
        if (inputs.mustCall) return p.space() + thoughts + calls + p.end();
        if (!inputs.textRule.empty()) return p.space() + thoughts + p.choice({calls, json()}) + p.end();
        std::vector<std::string> starts;
        for (const auto & form : inputs.forms) starts.push_back(form.start);
        // A mark that starts no call is a part of the content.
        const auto content = p.content(p.any() + p.until_one_of(starts));
        const auto free = p.zero_or_more(p.choice({calls, content})) + p.end();
        return thoughts + (inputs.readsBareJson ? p.choice({bareCalls() + p.end(), free}) : free);
    }

private:
    common_chat_peg_builder & p;
    const Inputs & inputs;

    Parser thoughts() {
        if (inputs.thoughtsStart.empty()) return p.eps();
        auto end = p.choice();
        for (const auto & mark : inputs.thoughtsEnds) end |= p.literal(mark);
        const auto thoughts = p.literal(inputs.thoughtsStart) + p.reasoning(p.until_one_of(inputs.thoughtsEnds)) + end;
        return p.space() + p.optional(thoughts) + p.space();
    }

    Parser json() { return p.content(p.gbnf(p.rest(), inputs.textRule)); }

    Parser calls() {
        auto blocks = p.choice();
        for (const auto & form : inputs.forms) blocks |= toBlock(form);
        const auto block = p.rule("block", blocks) + p.space();
        return p.trigger_rule("tool-calls", inputs.isParallel ? p.one_or_more(block) : block);
    }

    Parser bareCalls() {
        const auto call = callOf("json") + p.space();
        return p.space() + p.trigger_rule("bare-calls", inputs.isParallel ? p.one_or_more(call) : call);
    }

    Parser callOf(const std::string & form) {
        return p.rule(form + "-call", [&] {
            std::vector<Parser> calls;
            for (const auto & tool : inputs.tools) {
                const auto [start, rest] = toCall(form, tool);
                calls.push_back(p.tool(p.tool_open(start) + rest));
            }
            return p.choice(calls);
        });
    }

    Parser toBlock(const Form & form) {
        auto call = callOf(form.call);
        if (form.hasSeveral && inputs.isParallel)
            call = call + p.zero_or_more(p.space() + form.separator + p.space() + call);
        return p.literal(form.start) + p.space() + call + p.space() + form.end;
    }

    Call toCall(const std::string & form, const Tool & tool) {
        if (form == "json") return toJsonCall(tool);
        if (form == "tagged") return toTaggedCall(tool);
        if (form == "python") return toPythonCall(tool);
        if (form == "escaped") return toEscapedCall(tool);
        throw std::invalid_argument("Calls have no form '" + form + "'.");
    }

    Parser name(const Tool & tool) { return p.tool_name(p.literal(tool.name)); }

    Parser jsonArguments(const Tool & tool) { return p.tool_args(p.gbnf(p.json(), tool.rule)); }

    /** {"name": "…", "arguments": {…}} */
    Call toJsonCall(const Tool & tool) {
        const auto colon = p.space() + ":" + p.space();
        // Some models write the word of Llama's.
        const auto key = p.gbnf(p.choice({p.literal("\"arguments\""), p.literal("\"parameters\"")}), R"("\"arguments\"")");
        return {p.literal("{") + p.space() + "\"name\"" + colon + "\"" + name(tool) + "\"" + p.space() + "," + p.space() + key + colon,
                jsonArguments(tool) + p.space() + "}"};
    }

    /** name[CALL_ID]id[ARGS]{…} */
    Call toTaggedCall(const Tool & tool) {
        const auto id = p.gbnf(p.until("[ARGS]"), "[a-zA-Z0-9]{9}");
        return {name(tool) + p.optional("[CALL_ID]" + id) + "[ARGS]" + p.space(), jsonArguments(tool)};
    }

    /** name(key="value", key=1) or name("value"), perhaps within print(). The argument of a value alone has an empty name. */
    Call toPythonCall(const Tool & tool) {
        const auto key = p.chars("[a-zA-Z_]", 1, 1) + p.chars("[a-zA-Z0-9_]", 0, -1);
        const auto value = p.tool_arg_value(p.choice({p.python_value(), p.json_bool(), p.json_null()}));
        const auto argument = p.rule("python-argument",
            p.tool_arg(p.tool_arg_open(p.tool_arg_name(key) + p.space() + "=" + p.space()) + value + p.tool_arg_close(p.eps())));
        const auto named = p.optional(argument + p.zero_or_more(p.space() + "," + p.space() + argument));
        const auto lone = p.tool_arg(p.tool_arg_open(p.tool_arg_name(p.eps())) + value + p.tool_arg_close(p.eps()));
        const bool takesLone = tool.takesLoneValue();
        const auto any = takesLone ? p.choice({lone, named}) : named;
        const auto grammar = "(" + pythonRules.of(tool) + (takesLone ? " | " + pythonRules.valueOf(tool.arguments.front()) : "") + ")";
        return {p.optional(p.literal("print(")) + name(tool) + "(" + p.space(),
                p.tool_args(tool.arguments.empty() ? any : p.gbnf(any, grammar)) + p.space() + p.tool_close(p.literal(")")) + p.optional(p.literal(")"))};
    }

    /** call:name{key:<escape>value<escape>,key:1}. The names of rules are those that llama.cpp's reader of Gemma 4 knows. */
    Call toEscapedCall(const Tool & tool) {
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
        const auto grammar = "\"{\" " + escapedRules.of(tool) + " \"}\"";
        const auto arguments = tool.arguments.empty() ? object : p.gbnf(object, grammar);
        return {"call:" + name(tool) + p.peek(p.literal("{")), p.tool_args(arguments)};
    }
};

Inputs readInputs(const common_json & json) {
    Inputs inputs;
    for (const auto & form : json.at("forms")) {
        inputs.forms.push_back({form.at("start").get<std::string>(), form.at("end").get<std::string>(), form.at("call").get<std::string>(),
                                form.contains("separator"), form.value("separator", std::string())});
    }
    for (const auto & tool : json.at("tools")) {
        std::vector<Argument> arguments;
        for (const auto & argument : tool.at("arguments")) {
            arguments.push_back({argument.at("name").get<std::string>(), argument.at("type").get<std::string>(),
                                 argument.at("isRequired").get<bool>()});
        }
        inputs.tools.push_back({tool.at("name").get<std::string>(), tool.at("rule").get<std::string>(), arguments});
    }
    inputs.mustCall = json.at("mustCall").get<bool>();
    inputs.isParallel = json.at("parallel").get<bool>();
    inputs.textRule = json.at("textRule").get<std::string>();
    inputs.readsBareJson = json.at("readsBareJson").get<bool>();
    inputs.thoughtsStart = json.at("thoughtsStart").get<std::string>();
    for (const auto & end : json.at("thoughtsEnds")) inputs.thoughtsEnds.push_back(end.get<std::string>());
    return inputs;
}

common_peg_arena build(const Inputs & inputs) {
    return build_chat_peg_parser([&](common_chat_peg_builder & p) { return FormatBuilder(p, inputs).text(); });
}

std::string toGrammar(const common_peg_arena & parser, bool isLazy) {
    return build_grammar([&](const common_grammar_builder & builder) { parser.build_grammar(builder, isLazy); });
}

} // namespace

CallFormat buildCallFormat(const std::string & json) {
    auto inputs = readInputs(common_json::parse(json));
    const bool isEscaped = inputs.forms.front().call == "escaped";
    auto parser = build(inputs);
    const bool isLazy = !inputs.mustCall && inputs.textRule.empty();
    const bool isWritten = isLazy || inputs.forms.size() == 1;
    // A model that has no choice writes the first form.
    inputs.forms.resize(1);
    auto grammar = toGrammar(isWritten ? parser : build(inputs), isLazy);
    return {isEscaped ? COMMON_CHAT_FORMAT_PEG_GEMMA4 : COMMON_CHAT_FORMAT_PEG_NATIVE, std::move(parser), std::move(grammar)};
}
