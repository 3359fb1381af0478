// The settings of a sampler chain, as JavaScript gives them: every number is within its range already
// (src/engine/llama/sampler-config.ts).
#pragma once
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "grammar.h"
#include "llama.h"
#include "napi.h"

/** The samplers whose order a request may choose. */
enum class SamplerType { penalties, dry, topNSigma, topK, typicalP, topP, minP, xtc, temperature, adaptiveP };

struct SamplerConfig {
    /** A sampler that is not in this list is off. */
    std::vector<SamplerType> order;
    uint32_t seed;
    /** The fewest candidates that a sampler may leave. */
    size_t minKeep;
    float temperature;
    float dynatempRange;
    float dynatempExponent;
    int32_t topK;
    float topP;
    float minP;
    float typicalP;
    float topNSigma;
    float xtcProbability;
    float xtcThreshold;
    /** 0 is off. */
    int32_t mirostat;
    float mirostatTau;
    float mirostatEta;
    /** Negative is off. */
    float adaptiveTarget;
    float adaptiveDecay;
    float repeatPenalty;
    /** How many tokens of prompt and text the repeat penalty remembers. */
    size_t repeatLastTokens;
    /** The end of the prompt, at most `repeatLastTokens`. */
    std::vector<llama_token> promptEnd;
    double presencePenalty;
    double frequencyPenalty;
    float dryMultiplier;
    float dryBase;
    int32_t dryAllowedLength;
    int32_t dryLastTokens;
    std::vector<std::string> drySequenceBreakers;
    std::unordered_map<llama_token, float> biases;
    bool ignoreEndOfGeneration;
    /** The text may not end before so many tokens. */
    int32_t minTokens;
    GrammarStart grammarStart;
    /** The most tokens of thoughts. */
    int32_t thoughtTokens;
    /** What ends longer thoughts. Empty: they may take all tokens. */
    std::vector<llama_token> thoughtEnd;
};

/** @throws Napi::Error when a field is missing or has another type */
SamplerConfig readSamplerConfig(const Napi::Object & object);
