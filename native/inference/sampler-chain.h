// How the tokens of one text are chosen: llama.cpp's samplers in the order of the request, with what they remember of the text.
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "grammar.h"
#include "sampler-config.h"
#include "token-logits.h"

struct ChosenToken {
    llama_token token;
    /** Whether it ends the text. */
    bool ends;
};

/** All calls but the constructor are on the inference thread. */
class SamplerChain {
public:
    SamplerChain(const llama_vocab * vocab, SamplerConfig config, std::shared_ptr<GrammarSource> grammar);

    /**
     * Chooses a token, and takes it into account for the next ones.
     *
     * @param logits of the whole vocabulary, which it changes and restores
     * @throws std::runtime_error when no token can be chosen
     */
    ChosenToken choose(float * logits);

private:
    const llama_vocab * vocab;
    const SamplerConfig config;
    std::shared_ptr<GrammarSource> grammar;
    /** Of the first choice on. */
    SamplerPointer chain;
    std::optional<TokenBiases> biases;
    std::optional<TokenPenalties> penalties;
    std::optional<GrammarConstraint> constraint;
    std::optional<ThoughtBudget> thoughts;
    /** Whether the likeliest token after biases and penalties is chosen. */
    bool isArgmax = false;
    std::vector<llama_token_data> candidates;
    std::vector<std::pair<llama_token, float>> changedLogits;

    void build();
    void add(llama_sampler * sampler);
    void addOrdered();
    void addInOrder(SamplerType type);
    void addMirostat();
    bool has(SamplerType type) const;
    bool isGreedy() const;
    bool choosesAdaptively() const;
    bool mayDropLikeliest() const;

    llama_token chooseLikeliest(float * logits);
    llama_token sample(const float * logits, bool isConstrained);
    void accept(llama_token token);
};
