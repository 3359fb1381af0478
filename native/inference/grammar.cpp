#include "grammar.h"

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

GrammarConstraint::GrammarConstraint(
    const llama_vocab * vocab, std::shared_ptr<GrammarSource> source, std::string trigger)
    : vocab(vocab), source(std::move(source)), trigger(std::move(trigger)) {
    if (this->trigger.empty()) state = this->source->take();
}

bool GrammarConstraint::admits(llama_token token) const { return state->admits(token); }

void GrammarConstraint::apply(llama_token_data_array & candidates) const { state->apply(candidates); }

std::vector<llama_token> GrammarConstraint::accept(llama_token token) {
    if (!isActive()) return awaitTrigger(token);
    if (!state->accept(token)) throw GrammarError("It admits none of the tokens that the samplers left.");
    return {};
}

std::vector<llama_token> GrammarConstraint::awaitTrigger(llama_token token) {
    const std::string piece = source->pieces->of(token);
    if (untriggered.size() > trigger.size()) untriggered.erase(0, untriggered.size() - trigger.size());
    untriggered += piece;
    const size_t start = untriggered.find(trigger);
    if (start == std::string::npos) return {};
    state = source->take();
    const std::string behind = untriggered.substr(start + trigger.size());
    if (isBlank(behind)) return {};
    return tokenize(vocab, piece.substr(0, piece.size() - behind.size()));
}
