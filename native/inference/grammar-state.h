// Where one text stands in its grammar.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "grammar-stacks.h"
#include "token-pieces.h"

/** Begins at the grammar's root. All methods throw GrammarError when they take more work than a token may. */
class GrammarState {
public:
    GrammarState(std::shared_ptr<TokenPieces> pieces, std::shared_ptr<const Rules> rules);

    bool admits(llama_token token);
    /** Gives the candidates that the grammar does not admit a logit of minus infinity. */
    void apply(llama_token_data_array & candidates);
    /** Takes a token into account that ends no text. Returns false, and changes nothing, if the grammar does not admit it. */
    bool accept(llama_token token);
    /** Takes a text into account, whatever its tokens are. */
    bool accept(std::string_view text);

private:
    /** Between two bytes. */
    struct Place {
        GrammarStacks::SetId set;
        PartialCharacter partial;
    };

    std::shared_ptr<TokenPieces> pieces;
    GrammarStacks stacks;
    Place place;

    bool mayEnd() const;
    /** Undefined: the grammar has no such text. */
    std::optional<Place> behind(const Place & from, uint8_t byte);
    std::optional<Place> behind(std::string_view text);
    std::optional<Place> behind(llama_token token);
    bool isPossible(const Place & place);
};
