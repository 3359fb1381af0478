// The texts that a tokenizer takes for single tokens before it looks at anything else.
#pragma once
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>

#include "llama.h"

class SpecialTokens {
public:
    /** @param control whether control tokens, such as `<|im_end|>`, are among them */
    SpecialTokens(const llama_vocab * vocab, bool control);

    /** The length of the longest that begins at a position; 0: none does. */
    size_t lengthAt(std::string_view text, size_t position) const;

private:
    std::unordered_set<std::string> texts;
    /** The longest first. */
    std::set<size_t, std::greater<size_t>> lengths;
    bool isFirst[256] = {};
};
