// The texts of all tokens of a vocabulary, in an order in which those that begin alike stand together.
#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "llama.h"
#include "napi.h"
#include "special-tokens.h"

class TokenPieces {
public:
    struct Piece {
        llama_token token;
        std::string_view bytes;
        /** How many bytes it begins with as the one before does. */
        size_t common;
    };

    explicit TokenPieces(const llama_vocab * vocab) : vocab(vocab) {}

    const llama_vocab * const vocab;

    std::string of(llama_token token) const;
    /** Those of the tokens that have a text and do not end one, sorted by their bytes. Made by the first call. */
    const std::vector<Piece> & sorted();
    /** Made by the first call. On the preparation thread. */
    const SpecialTokens & special(bool control);

private:
    std::optional<SpecialTokens> specialTokens[2];
    std::once_flag once;
    std::string bytes;
    std::vector<Piece> pieces;

    void sort();
};

/** What JavaScript holds of them. */
class TokenPiecesHandle : public Napi::ObjectWrap<TokenPiecesHandle> {
public:
    /** (model), which is loaded. */
    explicit TokenPiecesHandle(const Napi::CallbackInfo & info);

    static Napi::Function define(Napi::Env env);

    std::shared_ptr<TokenPieces> pieces;

private:
    Napi::ObjectReference modelReference;
};
