#include "token-logits.h"

#include <algorithm>

namespace {

const TokenLogits & of(const llama_sampler * sampler) { return *static_cast<const TokenLogits *>(sampler->ctx); }

llama_sampler_i makeInterface() {
    llama_sampler_i interface{};
    interface.name = [](const llama_sampler *) { return "token-logits"; };
    interface.apply = [](llama_sampler * sampler, llama_token_data_array * candidates) { of(sampler).apply(*candidates); };
    return interface;
}

} // namespace

void TokenLogits::apply(llama_token_data_array & candidates) const {
    bool isComplete = true;
    forEach([&](llama_token token) {
        // As long as no sampler has moved them, the candidates are in the order of the vocabulary.
        if (token >= 0 && static_cast<size_t>(token) < candidates.size && candidates.data[token].id == token)
            candidates.data[token].logit = change(token, candidates.data[token].logit);
        else isComplete = false;
    });
    candidates.sorted = false;
    if (isComplete) return;
    for (size_t index = 0; index < candidates.size; index++) {
        auto & candidate = candidates.data[index];
        if (candidate.id != static_cast<llama_token>(index) && changes(candidate.id))
            candidate.logit = change(candidate.id, candidate.logit);
    }
}

void TokenLogits::apply(float * logits, int32_t size, std::vector<std::pair<llama_token, float>> & before) const {
    forEach([&](llama_token token) {
        if (token < 0 || token >= size) return;
        before.emplace_back(token, logits[token]);
        logits[token] = change(token, logits[token]);
    });
}

llama_sampler * TokenLogits::toSampler() {
    static llama_sampler_i interface = makeInterface();
    return llama_sampler_init(&interface, this);
}

TokenBiases::TokenBiases(const SamplerConfig & config, const std::vector<llama_token> & ends)
    : biases(config.biases), forbidsEnds(config.ignoreEndOfGeneration), tokensBeforeEnd(config.minTokens) {
    for (const auto token : ends) {
        const auto bias = biases.find(token);
        endBiases[token] = (bias == biases.end() ? 0 : bias->second) + forbiddingBias;
    }
}

void TokenBiases::accept() {
    if (tokensBeforeEnd > 0) tokensBeforeEnd--;
}

bool TokenBiases::isEmpty() const { return biases.empty() && !mayNotEnd(); }

void TokenBiases::forEach(const std::function<void(llama_token)> & visit) const {
    const bool isForbidden = mayNotEnd();
    for (const auto & [token, bias] : biases) {
        if (!isForbidden || endBiases.count(token) == 0) visit(token);
    }
    if (!isForbidden) return;
    for (const auto & [token, bias] : endBiases) visit(token);
}

const float * TokenBiases::find(llama_token token) const {
    if (mayNotEnd()) {
        const auto end = endBiases.find(token);
        if (end != endBiases.end()) return &end->second;
    }
    const auto bias = biases.find(token);
    return bias == biases.end() ? nullptr : &bias->second;
}

bool TokenBiases::changes(llama_token token) const { return find(token) != nullptr; }

float TokenBiases::change(llama_token token, float logit) const { return logit + *find(token); }

TokenPenalties::TokenPenalties(const SamplerConfig & config)
    : presence(config.presencePenalty), frequency(config.frequencyPenalty), repeat(config.repeatPenalty),
      window(config.repeatLastTokens) {
    if (!remembers()) return;
    for (const auto token : config.promptEnd) remember(token);
}

void TokenPenalties::accept(llama_token token) {
    if (counts()) generatedCounts[token]++;
    if (remembers()) remember(token);
}

void TokenPenalties::remember(llama_token token) {
    last.push_back(token);
    lastCounts[token]++;
    if (last.size() <= window) return;
    const auto oldest = lastCounts.find(last.front());
    if (--oldest->second == 0) lastCounts.erase(oldest);
    last.pop_front();
}

bool TokenPenalties::isEmpty() const { return !counts() && !remembers(); }

void TokenPenalties::forEach(const std::function<void(llama_token)> & visit) const {
    for (const auto & [token, count] : generatedCounts) visit(token);
    for (const auto & [token, count] : lastCounts) {
        if (generatedCounts.count(token) == 0) visit(token);
    }
}

bool TokenPenalties::changes(llama_token token) const {
    return generatedCounts.count(token) > 0 || lastCounts.count(token) > 0;
}

float TokenPenalties::change(llama_token token, float logit) const {
    const auto generated = generatedCounts.find(token);
    if (generated != generatedCounts.end())
        logit += static_cast<float>(std::max<double>(-presence - generated->second * frequency, forbiddingBias));
    if (lastCounts.count(token) == 0) return logit;
    // As llama.cpp's: a division would make a negative logit likelier.
    return logit <= 0 ? logit * repeat : logit / repeat;
}
