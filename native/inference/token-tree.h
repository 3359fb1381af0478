// Tokens that go on from the end of a sequence in several ways, evaluated in one batch. Each way is a sequence of its own, which
// has the cells of the beginning, and shares the cells of what it has in common with others.
#pragma once
#include <functional>
#include <vector>

#include "llama.h"

struct TokenTree {
    std::vector<llama_token> tokens;
    /** The place of the token before each; -1 is the end of the sequence. Parents come first. */
    std::vector<int32_t> parents;
};

struct WantedToken {
    /** The place of the token before it. */
    int32_t parent;
    llama_token token;
};

/**
 * Evaluates a tree behind a sequence, and forgets it: the sequence stays as it is, also when the decode fails.
 *
 * @param decode evaluates a batch
 * @returns the logarithms of the probabilities of the wanted tokens
 * @throws std::runtime_error when the context's sequences do not share their cells, or the tree has too many ends
 */
std::vector<double> scoreTree(
    llama_context * context, llama_seq_id sequence, const TokenTree & tree, const std::vector<WantedToken> & wanted,
    const std::function<void(llama_batch)> & decode);
