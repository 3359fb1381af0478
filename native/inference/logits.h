// What is read of the logits of one evaluated token.
#pragma once
#include <vector>

#include "llama.h"

/** The first of the highest logits, as llama.cpp's greedy sampler chooses, without a copy of the vocabulary. */
llama_token chooseHighest(const float * logits, int32_t size);

/** The logarithm of the sum of what the logits are the logarithms of. A logit less it is the logarithm of a probability. */
double logSumOf(const float * logits, int32_t size);

struct TokenLogprob {
    llama_token token;
    double logprob;
};

struct Score {
    double logprob;
    /** The likeliest tokens, the likeliest first. */
    std::vector<TokenLogprob> top;
};

/** The natural logarithm of a token's probability, before any sampling option, and those of the likeliest tokens. */
Score scoreToken(const float * logits, int32_t size, llama_token token, size_t top);
