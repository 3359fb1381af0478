#include "sampler-chain.h"

#include <algorithm>
#include <stdexcept>

#include "logits.h"

namespace {

/** Of Mirostat's first version: how many of the likeliest tokens it estimates by. llama.cpp's server has the same. */
constexpr int32_t mirostatEstimate = 100;

bool isForbidden(const llama_token_data & candidate) { return candidate.logit < forbiddingBias / 2; }

/**
 * Drops what may not be chosen. The samplers that reckon with the whole distribution would count it: a logit of -1e9 makes
 * a huge standard deviation, and minus infinity an entropy that is no number.
 */
llama_sampler * makeForbiddenDrop() {
    static llama_sampler_i interface = [] {
        llama_sampler_i made{};
        made.name = [](const llama_sampler *) { return "forbidden-drop"; };
        made.apply = [](llama_sampler *, llama_token_data_array * candidates) {
            auto * end = candidates->data + candidates->size;
            // All are kept where all are forbidden: one has to be chosen.
            if (std::all_of(candidates->data, end, isForbidden)) return;
            candidates->size = std::remove_if(candidates->data, end, isForbidden) - candidates->data;
        };
        return made;
    }();
    return llama_sampler_init(&interface, nullptr);
}

std::vector<llama_token> findEnds(const llama_vocab * vocab) {
    std::vector<llama_token> ends;
    const int32_t size = llama_vocab_n_tokens(vocab);
    for (llama_token token = 0; token < size; token++) {
        if (llama_vocab_is_eog(vocab, token)) ends.push_back(token);
    }
    return ends;
}

} // namespace

SamplerChain::SamplerChain(const llama_vocab * vocab, SamplerConfig config, std::shared_ptr<GrammarSource> grammar)
    : vocab(vocab), config(std::move(config)), grammar(std::move(grammar)) {}

void SamplerChain::build() {
    const bool needsEnds = config.ignoreEndOfGeneration || config.minTokens > 0;
    biases.emplace(config, needsEnds ? findEnds(vocab) : std::vector<llama_token>{});
    penalties.emplace(config);
    if (grammar != nullptr) constraint.emplace(grammar, config.grammarStart);
    if (!config.thoughtEnd.empty()) thoughts.emplace(vocab, config.grammarStart.thoughts, config.thoughtTokens, config.thoughtEnd);
    auto params = llama_sampler_chain_default_params();
    params.no_perf = true;
    chain.reset(llama_sampler_chain_init(params));
    if (!biases->isEmpty()) add(biases->toSampler());
    if (config.mirostat != 0) addMirostat();
    else addOrdered();
    isArgmax = isGreedy() && !mayDropLikeliest();
}

void SamplerChain::add(llama_sampler * sampler) { llama_sampler_chain_add(chain.get(), sampler); }

void SamplerChain::addOrdered() {
    for (const auto type : config.order) addInOrder(type);
    if (isGreedy()) {
        add(llama_sampler_init_greedy());
    } else if (choosesAdaptively()) {
        add(makeForbiddenDrop());
        add(llama_sampler_init_adaptive_p(config.adaptiveTarget, config.adaptiveDecay, config.seed));
    } else {
        add(llama_sampler_init_dist(config.seed));
    }
}

/** A sampler without effect is left out, as are those that never drop the likeliest token, where that one is chosen. */
void SamplerChain::addInOrder(SamplerType type) {
    const bool truncates = !isGreedy();
    switch (type) {
        case SamplerType::penalties:
            if (!penalties->isEmpty()) add(penalties->toSampler());
            return;
        case SamplerType::dry: {
            if (config.dryMultiplier <= 0 || config.dryLastTokens <= 0) return;
            std::vector<const char *> breakers;
            for (const auto & each : config.drySequenceBreakers) breakers.push_back(each.c_str());
            add(llama_sampler_init_dry(
                vocab, config.dryMultiplier, config.dryBase, config.dryAllowedLength, config.dryLastTokens,
                breakers.data(), breakers.size()));
            return;
        }
        case SamplerType::topNSigma:
            if (!truncates || config.topNSigma <= 0) return;
            add(makeForbiddenDrop());
            add(llama_sampler_init_top_n_sigma(config.topNSigma));
            return;
        case SamplerType::topK:
            if (truncates && config.topK > 0) add(llama_sampler_init_top_k(config.topK));
            return;
        case SamplerType::typicalP:
            if (config.typicalP >= 1) return;
            add(makeForbiddenDrop());
            add(llama_sampler_init_typical(config.typicalP, config.minKeep));
            return;
        case SamplerType::topP:
            if (truncates && config.topP < 1) add(llama_sampler_init_top_p(config.topP, config.minKeep));
            return;
        case SamplerType::minP:
            if (truncates && config.minP > 0) add(llama_sampler_init_min_p(config.minP, config.minKeep));
            return;
        case SamplerType::xtc:
            if (config.xtcProbability <= 0) return;
            add(llama_sampler_init_xtc(config.xtcProbability, config.xtcThreshold, config.minKeep, config.seed));
            return;
        case SamplerType::temperature:
            if (truncates)
                add(llama_sampler_init_temp_ext(config.temperature, config.dynatempRange, config.dynatempExponent));
            return;
        case SamplerType::adaptiveP: return;
    }
}

/** Mirostat replaces the samplers that drop tokens, as in llama.cpp's server. Penalties stay. */
void SamplerChain::addMirostat() {
    if (has(SamplerType::penalties)) addInOrder(SamplerType::penalties);
    if (has(SamplerType::dry)) addInOrder(SamplerType::dry);
    if (isGreedy()) return add(llama_sampler_init_greedy());
    add(llama_sampler_init_temp(config.temperature));
    add(makeForbiddenDrop());
    if (config.mirostat == 1)
        add(llama_sampler_init_mirostat(
            llama_vocab_n_tokens(vocab), config.seed, config.mirostatTau, config.mirostatEta, mirostatEstimate));
    else add(llama_sampler_init_mirostat_v2(config.seed, config.mirostatTau, config.mirostatEta));
}

bool SamplerChain::has(SamplerType type) const {
    return std::find(config.order.begin(), config.order.end(), type) != config.order.end();
}

bool SamplerChain::isGreedy() const {
    if (config.temperature > 0) return false;
    return config.mirostat != 0 || (has(SamplerType::temperature) && config.dynatempRange <= 0);
}

bool SamplerChain::choosesAdaptively() const { return config.adaptiveTarget >= 0 && has(SamplerType::adaptiveP); }

bool SamplerChain::mayDropLikeliest() const {
    const bool drops = config.mirostat == 0 &&
        ((config.typicalP < 1 && has(SamplerType::typicalP)) || (config.xtcProbability > 0 && has(SamplerType::xtc)));
    return drops || (config.dryMultiplier > 0 && has(SamplerType::dry));
}

ChosenToken SamplerChain::choose(float * logits) {
    if (chain == nullptr) build();
    const bool isConstrained = constraint && constraint->isActive();
    if (const auto forced = thoughts ? thoughts->next() : std::nullopt; forced && (!isConstrained || constraint->admits(*forced))) {
        accept(*forced);
        return {*forced, false};
    }
    llama_token token = isArgmax ? chooseLikeliest(logits) : sample(logits, false);
    // To ask about one token is faster than to ask about all.
    if (isConstrained && !constraint->admits(token)) token = sample(logits, true);
    const bool ends = llama_vocab_is_eog(vocab, token);
    if (!ends) accept(token);
    else if (constraint) constraint->assertEnd(token);
    return {token, ends};
}

/** Finds the highest logit in place, without a copy of the vocabulary. */
llama_token SamplerChain::chooseLikeliest(float * logits) {
    const int32_t size = llama_vocab_n_tokens(vocab);
    changedLogits.clear();
    biases->apply(logits, size, changedLogits);
    if (has(SamplerType::penalties)) penalties->apply(logits, size, changedLogits);
    const llama_token token = chooseHighest(logits, size);
    // Backwards: a logit may have changed twice.
    std::for_each(changedLogits.rbegin(), changedLogits.rend(), [logits](const auto & each) { logits[each.first] = each.second; });
    return token;
}

llama_token SamplerChain::sample(const float * logits, bool isConstrained) {
    candidates.resize(llama_vocab_n_tokens(vocab));
    for (size_t token = 0; token < candidates.size(); token++)
        candidates[token] = {static_cast<llama_token>(token), logits[token], 0.0f};
    llama_token_data_array left = {candidates.data(), candidates.size(), -1, false};
    if (isConstrained) constraint->apply(left);
    llama_sampler_apply(chain.get(), &left);
    if (left.selected < 0 || left.selected >= static_cast<int64_t>(left.size))
        throw std::runtime_error("llama.cpp chose no token.");
    return left.data[left.selected].id;
}

void SamplerChain::accept(llama_token token) {
    if (constraint) constraint->accept(token);
    if (thoughts) thoughts->accept(token);
    biases->accept();
    penalties->accept(token);
    llama_sampler_accept(chain.get(), token);
}
