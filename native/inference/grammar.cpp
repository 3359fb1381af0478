#include "grammar.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "work-thread.h"

namespace {

std::vector<llama_token> tokenize(const llama_vocab * vocab, const std::string & text) {
    std::vector<llama_token> tokens(text.size() + 2);
    const int32_t count =
        llama_tokenize(vocab, text.data(), text.size(), tokens.data(), tokens.size(), /* add_special */ false, /* parse_special */ true);
    if (count < 0) throw std::runtime_error("llama.cpp cannot tokenize the text.");
    tokens.resize(count);
    return tokens;
}

/** Bytes of the text in which a trigger is looked for: longer than any trigger, and short enough for std::regex. */
constexpr size_t windowSize = 512;

/** The samplers choose something where the grammar admits nothing. */
GrammarError admitsNone() { return GrammarError("It admits none of the tokens that the samplers left."); }

bool isBlank(const std::string & text) { return text.find_first_not_of(" \t\n\v\f\r") == std::string::npos; }

} // namespace

GrammarSource::GrammarSource(std::shared_ptr<TokenPieces> pieces, std::string gbnf)
    : pieces(std::move(pieces)), gbnf(std::move(gbnf)) {}

void GrammarSource::parse() {
    const auto parsed = std::make_shared<const Rules>(parseGbnf(gbnf, [this](const std::string & text) {
        const auto tokens = tokenize(pieces->vocab, text);
        return tokens.size() == 1 ? std::optional<uint32_t>(tokens.front()) : std::nullopt;
    }));
    assertBoundedStarts(parsed);
    rules = parsed;
}

std::unique_ptr<GrammarState> GrammarSource::take() const {
    if (rules == nullptr) throw std::logic_error("The grammar is not parsed.");
    return std::make_unique<GrammarState>(pieces, rules);
}

Grammar::Grammar(const Napi::CallbackInfo & info) : Napi::ObjectWrap<Grammar>(info) {
    const auto * handle = Napi::ObjectWrap<TokenPiecesHandle>::Unwrap(info[0].As<Napi::Object>());
    piecesReference = Napi::Persistent(info[0].As<Napi::Object>());
    source = std::make_shared<GrammarSource>(handle->pieces, info[1].As<Napi::String>().Utf8Value());
}

Napi::Value Grammar::Parse(const Napi::CallbackInfo & info) {
    std::vector<Napi::ObjectReference> kept;
    kept.push_back(Napi::Persistent(Value()));
    return WorkThread::preparation(info.Env()).run(info.Env(), std::move(kept), [source = source]() -> WorkThread::Result {
        source->parse();
        return [](Napi::Env env) { return env.Undefined(); };
    });
}

Napi::Function Grammar::define(Napi::Env env) {
    return DefineClass(env, "Grammar", {InstanceMethod("parse", &Grammar::Parse)});
}

GrammarConstraint::GrammarConstraint(std::shared_ptr<GrammarSource> source, const GrammarStart & start)
    : source(std::move(source)), thoughts(start.thoughts), isThinking(start.thoughts.hasStarted) {
    for (const auto & trigger : start.triggers) triggers.emplace_back(trigger);
    if (!triggers.empty()) {
        await();
        return;
    }
    state = this->source->take();
    if (!state->accept(start.prefix)) throw GrammarError("It does not admit what the prompt ends with.", "ERR_GRAMMAR_PREFIX");
}

bool GrammarConstraint::admits(llama_token token) const { return state->admits(token); }

void GrammarConstraint::apply(llama_token_data_array & candidates) const { state->apply(candidates); }

void GrammarConstraint::accept(llama_token token) {
    switch (phase) {
        case Phase::awaiting: return awaitTrigger(source->pieces->of(token));
        case Phase::undecided: return decide(token, source->pieces->of(token));
        case Phase::active: break;
    }
    if (!state->accept(token)) throw admitsNone();
}

void GrammarConstraint::assertEnd(llama_token token) const {
    if (isActive() && !state->admits(token)) throw admitsNone();
}

void GrammarConstraint::await() {
    phase = Phase::awaiting;
    state = nullptr;
}

void GrammarConstraint::awaitTrigger(const std::string & piece) {
    window += piece;
    if (window.size() > windowSize) {
        window.erase(0, window.size() - windowSize);
        isWhole = false;
    }
    if (skipThoughts()) return;
    const auto flags = isWhole ? std::regex_constants::match_default : std::regex_constants::match_not_bol;
    for (const auto & trigger : triggers) {
        std::smatch match;
        if (!std::regex_search(window, match, trigger, flags)) continue;
        const size_t group = match.size() > 1 && match[1].matched ? 1 : 0;
        const std::string start = match[group].str();
        const std::string behind = match.suffix().str();
        window.clear();
        isWhole = false;
        state = source->take();
        if (state->accept(start)) follow(behind);
        else await();
        return;
    }
}

/** Drops thoughts from the window. Returns whether the text is still within some. */
bool GrammarConstraint::skipThoughts() {
    if (!isThinking) {
        const size_t start = thoughts.start.empty() ? std::string::npos : window.find(thoughts.start);
        if (start == std::string::npos) return false;
        window.erase(0, start + thoughts.start.size());
        isThinking = true;
    }
    size_t end = std::string::npos;
    for (const auto & mark : thoughts.ends) end = std::min(end, window.find(mark));
    if (end == std::string::npos) return true;
    // The mark stays: in some formats the start of a call ends the thoughts.
    window.erase(0, end);
    isWhole = false;
    isThinking = false;
    return false;
}

/** Goes on with the text behind a trigger. */
void GrammarConstraint::follow(const std::string & text) {
    if (!state->accept(text)) return await();
    phase = isBlank(text) ? Phase::undecided : Phase::active;
}

void GrammarConstraint::decide(llama_token token, const std::string & piece) {
    if (!state->accept(token)) {
        await();
        return awaitTrigger(piece);
    }
    if (!isBlank(piece)) phase = Phase::active;
}
