#include "tokenize.h"

#include <algorithm>
#include <cctype>
#include <stdexcept>
#include <string>
#include <vector>

#include "token-pieces.h"
#include "work-thread.h"

namespace {

/** llama.cpp walks over all special tokens of a text for each of them, so it gets no more of them at once. */
constexpr size_t mostSpecialTokens = 256;

void appendTokens(const llama_vocab * vocab, std::string_view text, bool special, std::vector<llama_token> & tokens) {
    const size_t before = tokens.size();
    tokens.resize(before + text.size() + 2);
    const int32_t count =
        llama_tokenize(vocab, text.data(), text.size(), tokens.data() + before, tokens.size() - before, false, special);
    if (count < 0) throw std::runtime_error("llama.cpp cannot tokenize the text.");
    tokens.resize(before + count);
}

void appendPiece(TokenPieces & pieces, std::string_view text, bool special, std::vector<llama_token> & tokens) {
    size_t start = 0;
    size_t found = 0;
    const auto & specialTokens = pieces.special(special);
    for (size_t position = 0; position < text.size();) {
        const size_t length = specialTokens.lengthAt(text, position);
        // Some special tokens take the blanks before them.
        if (length > 0 && ++found % mostSpecialTokens == 0 && position > start && !isspace(static_cast<uint8_t>(text[position - 1]))) {
            appendTokens(pieces.vocab, text.substr(start, position - start), special, tokens);
            start = position;
        }
        position += std::max<size_t>(1, length);
    }
    if (start < text.size()) appendTokens(pieces.vocab, text.substr(start), special, tokens);
}

std::vector<llama_token> tokenize(TokenPieces & pieces, std::string_view text, bool special, const std::string & breakMark) {
    std::vector<llama_token> tokens;
    for (;;) {
        const size_t end = breakMark.empty() ? std::string_view::npos : text.find(breakMark);
        appendPiece(pieces, text.substr(0, end), special, tokens);
        if (end == std::string_view::npos) return tokens;
        text.remove_prefix(end + breakMark.size());
    }
}

} // namespace

Napi::Value tokenizeAside(const Napi::CallbackInfo & info) {
    const auto pieces = Napi::ObjectWrap<TokenPiecesHandle>::Unwrap(info[0].As<Napi::Object>())->pieces;
    auto text = info[1].As<Napi::String>().Utf8Value();
    const bool special = info[2].As<Napi::Boolean>().Value();
    auto breakMark = info[3].As<Napi::String>().Utf8Value();
    std::vector<Napi::ObjectReference> kept;
    kept.push_back(Napi::Persistent(info[0].As<Napi::Object>()));
    const auto work = [pieces, text = std::move(text), special, breakMark = std::move(breakMark)]() -> WorkThread::Result {
        return [tokens = tokenize(*pieces, text, special, breakMark)](Napi::Env env) {
            auto array = Napi::Uint32Array::New(env, tokens.size());
            std::copy(tokens.begin(), tokens.end(), array.Data());
            return array;
        };
    };
    return WorkThread::preparation(info.Env()).run(info.Env(), std::move(kept), work);
}

Napi::Value listControlTokens(const Napi::CallbackInfo & info) {
    const auto * vocab = Napi::ObjectWrap<TokenPiecesHandle>::Unwrap(info[0].As<Napi::Object>())->pieces->vocab;
    auto list = Napi::Array::New(info.Env());
    const int32_t size = llama_vocab_n_tokens(vocab);
    for (llama_token token = 0; token < size; token++) {
        const int attributes = llama_vocab_get_attr(vocab, token);
        if ((attributes & (LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_UNKNOWN)) != 0 && (attributes & LLAMA_TOKEN_ATTR_USER_DEFINED) == 0)
            list.Set(list.Length(), llama_vocab_get_text(vocab, token));
    }
    return list;
}
