#include "grammar.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "AddonModel.h"

namespace {

SamplerPointer parse(const llama_vocab * vocab, const std::string & gbnf) {
    // llama.cpp takes an empty text for no grammar.
    if (gbnf.empty()) return nullptr;
    return SamplerPointer(llama_sampler_init_grammar(vocab, gbnf.c_str(), "root"));
}

std::string toPiece(const llama_vocab * vocab, llama_token token) {
    std::string piece(32, '\0');
    int32_t length = llama_token_to_piece(vocab, token, piece.data(), piece.size(), 0, true);
    if (length < 0) {
        piece.resize(-length);
        length = llama_token_to_piece(vocab, token, piece.data(), piece.size(), 0, true);
    }
    piece.resize(length);
    return piece;
}

std::vector<llama_token> tokenize(const llama_vocab * vocab, const std::string & text) {
    std::vector<llama_token> tokens(text.size() + 2);
    const int32_t count =
        llama_tokenize(vocab, text.data(), text.size(), tokens.data(), tokens.size(), /* add_special */ false, /* parse_special */ true);
    if (count < 0) throw std::runtime_error("llama.cpp cannot tokenize the start of the grammar's text.");
    tokens.resize(count);
    return tokens;
}

/** Bytes of the text in which a trigger is looked for: longer than any trigger, and short enough for std::regex. */
constexpr size_t windowSize = 512;

bool isBlank(const std::string & text) { return text.find_first_not_of(" \t\n\v\f\r") == std::string::npos; }

} // namespace

GrammarSource::GrammarSource(const llama_vocab * vocab, std::string gbnf)
    : vocab(vocab), gbnf(std::move(gbnf)), parsed(parse(vocab, this->gbnf)) {
    if (parsed == nullptr) throw std::invalid_argument("llama.cpp cannot parse the grammar.");
}

SamplerPointer GrammarSource::take() { return parsed == nullptr ? parse(vocab, gbnf) : std::move(parsed); }

Grammar::Grammar(const Napi::CallbackInfo & info) : Napi::ObjectWrap<Grammar>(info) {
    const auto * model = Napi::ObjectWrap<AddonModel>::Unwrap(info[0].As<Napi::Object>());
    modelReference = Napi::Persistent(info[0].As<Napi::Object>());
    try {
        source = std::make_shared<GrammarSource>(model->vocab, info[1].As<Napi::String>().Utf8Value());
    } catch (const std::exception & error) {
        throw Napi::Error::New(info.Env(), error.what());
    }
}

Napi::Function Grammar::define(Napi::Env env) { return DefineClass(env, "Grammar", {}); }

GrammarConstraint::GrammarConstraint(
    const llama_vocab * vocab, std::shared_ptr<GrammarSource> source, const GrammarStart & start)
    : vocab(vocab), source(std::move(source)), thoughtsStart(start.thoughtsStart), thoughtsEnds(start.thoughtsEnds),
      isThinking(start.startsThinking) {
    for (const auto & trigger : start.triggers) triggers.emplace_back(trigger);
    if (!triggers.empty()) {
        await();
        return;
    }
    state = this->source->take();
    if (!acceptText(start.prefix)) throw std::runtime_error("The grammar does not admit what the prompt ends with.");
}

bool GrammarConstraint::admits(llama_token token) const {
    llama_token_data candidate = {token, 1.0f, 0.0f};
    llama_token_data_array candidates = {&candidate, 1, -1, false};
    apply(candidates);
    return candidate.logit != -INFINITY;
}

void GrammarConstraint::apply(llama_token_data_array & candidates) const {
    llama_sampler_apply(state.get(), &candidates);
}

void GrammarConstraint::accept(llama_token token) {
    switch (phase) {
        case Phase::awaiting: return awaitTrigger(toPiece(vocab, token));
        case Phase::undecided: return decide(token, toPiece(vocab, token));
        case Phase::active: break;
    }
    try {
        llama_sampler_accept(state.get(), token);
    } catch (const std::exception &) {
        // llama.cpp's message quotes the text.
        throw std::runtime_error("The grammar admits none of the tokens that the samplers left.");
    }
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
        if (acceptText(start)) follow(behind);
        else await();
        return;
    }
}

/** Drops thoughts from the window. Returns whether the text is still within some. */
bool GrammarConstraint::skipThoughts() {
    if (!isThinking) {
        const size_t start = thoughtsStart.empty() ? std::string::npos : window.find(thoughtsStart);
        if (start == std::string::npos) return false;
        window.erase(0, start + thoughtsStart.size());
        isThinking = true;
    }
    size_t end = std::string::npos;
    for (const auto & mark : thoughtsEnds) end = std::min(end, window.find(mark));
    if (end == std::string::npos) return true;
    // The mark stays: in some formats the start of a call ends the thoughts.
    window.erase(0, end);
    isWhole = false;
    isThinking = false;
    return false;
}

/** Goes on with the text behind a trigger. */
void GrammarConstraint::follow(const std::string & text) {
    if (!acceptText(text)) return await();
    phase = isBlank(text) ? Phase::undecided : Phase::active;
}

void GrammarConstraint::decide(llama_token token, const std::string & piece) {
    if (!admits(token)) {
        await();
        return awaitTrigger(piece);
    }
    llama_sampler_accept(state.get(), token);
    if (!isBlank(piece)) phase = Phase::active;
}

/** Takes a text into account as if its tokens had been chosen. Returns false if the grammar does not admit it. */
bool GrammarConstraint::acceptText(const std::string & text) {
    if (text.empty()) return true;
    // Some vocabularies write a space before a text's first word, so the text follows a line break, which is left out.
    const std::string before = "\n";
    std::string skipped;
    for (const llama_token token : tokenize(vocab, before + text)) {
        if (skipped.size() < before.size()) {
            skipped += toPiece(vocab, token);
            if (skipped == " ") skipped.clear();
            if (skipped.size() > before.size()) return acceptTokens(tokenize(vocab, text));
            continue;
        }
        if (!acceptTokens({token})) return false;
    }
    return true;
}

bool GrammarConstraint::acceptTokens(const std::vector<llama_token> & tokens) {
    return std::all_of(tokens.begin(), tokens.end(), [this](llama_token token) {
        if (!admits(token)) return false;
        llama_sampler_accept(state.get(), token);
        return true;
    });
}
