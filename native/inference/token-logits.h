// Changes to the logits of a few tokens of the vocabulary: biases and penalties. llama.cpp's own penalties look every token of
// the vocabulary up at each step; these visit only the tokens that they change.
#pragma once
#include <deque>
#include <functional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sampler-config.h"

/**
 * Added to the logit of a token that must not be chosen. It is below every logit, but above minus infinity, which a grammar
 * gives: were all that the grammar admits forbidden as well, llama.cpp would choose what the grammar does not admit.
 */
constexpr float forbiddingBias = -1e9f;

class TokenLogits {
public:
    virtual ~TokenLogits() = default;
    /** Visits each token whose logit changes, once. */
    virtual void forEach(const std::function<void(llama_token)> & visit) const = 0;
    virtual bool changes(llama_token token) const = 0;
    virtual float change(llama_token token, float logit) const = 0;

    /** Changes the logits of the candidates that are left. */
    void apply(llama_token_data_array & candidates) const;
    /** Changes the logits of a vocabulary of this size, and adds what they were to `before`. */
    void apply(float * logits, int32_t size, std::vector<std::pair<llama_token, float>> & before) const;
    /** A sampler of llama.cpp that does the same. It must not outlive this. */
    llama_sampler * toSampler();
};

/** The biases of a request, and the tokens that end a text as long as it may not end. */
class TokenBiases : public TokenLogits {
public:
    TokenBiases(const SamplerConfig & config, const std::vector<llama_token> & ends);
    void accept();
    bool isEmpty() const;

    void forEach(const std::function<void(llama_token)> & visit) const override;
    bool changes(llama_token token) const override;
    float change(llama_token token, float logit) const override;

private:
    const std::unordered_map<llama_token, float> biases;
    /** The biases of the tokens that end a text. */
    std::unordered_map<llama_token, float> endBiases;
    const bool forbidsEnds;
    int32_t tokensBeforeEnd;

    bool mayNotEnd() const { return forbidsEnds || tokensBeforeEnd > 0; }
    const float * find(llama_token token) const;
};

/**
 * The penalty of repetition, for the last tokens of prompt and text, and those of presence and frequency, for all tokens of
 * the text.
 */
class TokenPenalties : public TokenLogits {
public:
    explicit TokenPenalties(const SamplerConfig & config);
    void accept(llama_token token);
    bool isEmpty() const;

    void forEach(const std::function<void(llama_token)> & visit) const override;
    bool changes(llama_token token) const override;
    float change(llama_token token, float logit) const override;

private:
    const double presence;
    const double frequency;
    const float repeat;
    const size_t window;
    /** The tokens of the window, the oldest first. */
    std::deque<llama_token> last;
    std::unordered_map<llama_token, int32_t> lastCounts;
    std::unordered_map<llama_token, int32_t> generatedCounts;

    bool counts() const { return presence != 0 || frequency != 0; }
    bool remembers() const { return repeat != 1.0f && window > 0; }
    void remember(llama_token token);
};
