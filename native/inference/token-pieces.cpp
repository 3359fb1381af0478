#include "token-pieces.h"

#include <algorithm>

#include "AddonModel.h"

std::string TokenPieces::of(llama_token token) const {
    std::string piece(32, '\0');
    int32_t length = llama_token_to_piece(vocab, token, piece.data(), piece.size(), 0, true);
    if (length < 0) {
        piece.resize(-length);
        length = llama_token_to_piece(vocab, token, piece.data(), piece.size(), 0, true);
    }
    piece.resize(std::max(0, length));
    return piece;
}

const std::vector<TokenPieces::Piece> & TokenPieces::sorted() {
    std::call_once(once, [this] { sort(); });
    return pieces;
}

const SpecialTokens & TokenPieces::special(bool control) {
    auto & tokens = specialTokens[control];
    if (!tokens) tokens.emplace(vocab, control);
    return *tokens;
}

void TokenPieces::sort() {
    struct Place {
        llama_token token;
        size_t start, length;
        /** Its first eight bytes: most texts differ in them. */
        uint64_t beginning;
    };
    std::vector<Place> places;
    const int32_t size = llama_vocab_n_tokens(vocab);
    for (llama_token token = 0; token < size; token++) {
        if (llama_vocab_is_eog(vocab, token)) continue;
        const auto piece = of(token);
        if (piece.empty()) continue;
        uint64_t beginning = 0;
        for (size_t index = 0; index < 8; index++)
            beginning = (beginning << 8) | (index < piece.size() ? static_cast<uint8_t>(piece[index]) : 0);
        places.push_back({token, bytes.size(), piece.size(), beginning});
        bytes += piece;
    }
    const auto textOf = [this](const Place & place) { return std::string_view(bytes).substr(place.start, place.length); };
    std::sort(places.begin(), places.end(), [&](const Place & one, const Place & other) {
        return one.beginning != other.beginning ? one.beginning < other.beginning : textOf(one) < textOf(other);
    });
    std::string_view before;
    for (const auto & place : places) {
        const auto text = textOf(place);
        const auto differing = std::mismatch(text.begin(), text.begin() + std::min(text.size(), before.size()), before.begin());
        pieces.push_back({place.token, text, static_cast<size_t>(differing.first - text.begin())});
        before = text;
    }
}

TokenPiecesHandle::TokenPiecesHandle(const Napi::CallbackInfo & info) : Napi::ObjectWrap<TokenPiecesHandle>(info) {
    const auto * model = Napi::ObjectWrap<AddonModel>::Unwrap(info[0].As<Napi::Object>());
    modelReference = Napi::Persistent(info[0].As<Napi::Object>());
    pieces = std::make_shared<TokenPieces>(model->vocab);
}

Napi::Function TokenPiecesHandle::define(Napi::Env env) { return DefineClass(env, "TokenPieces", {}); }
