#include "grammar.h"

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
    if (count < 0) throw std::runtime_error("llama.cpp cannot tokenize the trigger.");
    tokens.resize(count);
    return tokens;
}

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
    const llama_vocab * vocab, std::shared_ptr<GrammarSource> source, std::string trigger)
    : vocab(vocab), source(std::move(source)), trigger(std::move(trigger)) {
    if (this->trigger.empty()) state = this->source->take();
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

std::vector<llama_token> GrammarConstraint::accept(llama_token token) {
    if (!isActive()) return awaitTrigger(token);
    try {
        llama_sampler_accept(state.get(), token);
    } catch (const std::exception &) {
        // llama.cpp's message quotes the text.
        throw std::runtime_error("The grammar admits none of the tokens that the samplers left.");
    }
    return {};
}

std::vector<llama_token> GrammarConstraint::awaitTrigger(llama_token token) {
    const std::string piece = toPiece(vocab, token);
    if (untriggered.size() > trigger.size()) untriggered.erase(0, untriggered.size() - trigger.size());
    untriggered += piece;
    const size_t start = untriggered.find(trigger);
    if (start == std::string::npos) return {};
    state = source->take();
    const std::string behind = untriggered.substr(start + trigger.size());
    if (isBlank(behind)) return {};
    return tokenize(vocab, piece.substr(0, piece.size() - behind.size()));
}
