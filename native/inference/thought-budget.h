// Ends a model's thoughts after so many tokens: the tokens of their end mark have to come next.
// llama.cpp's common_reasoning_budget_init compares tokens, so it misses marks whose ends merge with the text behind them into one
// token, and would then write a mark into the answer. This one compares texts, as the triggers of grammars do.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "token-pieces.h"

/** The texts around the thoughts of a model. */
struct ThoughtMarks {
    /** Empty: there are no thoughts. */
    std::string start;
    /** Each of them ends the thoughts. */
    std::vector<std::string> ends;
    /** Whether the prompt ends within thoughts. */
    bool hasStarted = false;
};

/** Follows one text. On the inference thread. */
class ThoughtBudget {
public:
    /** @param end what is written where thoughts take more than so many tokens, all of a text's thoughts together */
    ThoughtBudget(const llama_vocab * vocab, ThoughtMarks marks, int32_t tokens, std::vector<llama_token> end);

    /** The token that has to come next. Empty: any may. */
    std::optional<llama_token> next() const;
    /** Takes a token into account that ends no text. */
    void accept(llama_token token);

private:
    const TokenPieces pieces;
    const ThoughtMarks marks;
    const std::vector<llama_token> end;
    int32_t left;
    bool isThinking;
    /** The end of the text, long enough for a mark. */
    std::string window;
    /** The place in `end` of the token that has to come next. */
    std::optional<size_t> forced;

    void follow();
};
