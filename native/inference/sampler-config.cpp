#include "sampler-config.h"

namespace {

/** llama-server's names. */
const std::unordered_map<std::string, SamplerType> samplerTypes = {
    {"penalties", SamplerType::penalties}, {"dry", SamplerType::dry}, {"top_n_sigma", SamplerType::topNSigma},
    {"top_k", SamplerType::topK}, {"typ_p", SamplerType::typicalP}, {"top_p", SamplerType::topP},
    {"min_p", SamplerType::minP}, {"xtc", SamplerType::xtc}, {"temperature", SamplerType::temperature},
    {"adaptive_p", SamplerType::adaptiveP},
};

class Fields {
public:
    explicit Fields(const Napi::Object & object) : object(object) {}

    double toDouble(const char * name) const { return object.Get(name).As<Napi::Number>().DoubleValue(); }
    float toFloat(const char * name) const { return object.Get(name).As<Napi::Number>().FloatValue(); }
    int32_t toInt(const char * name) const { return object.Get(name).As<Napi::Number>().Int32Value(); }
    bool toBool(const char * name) const { return object.Get(name).As<Napi::Boolean>().Value(); }
    std::string toString(const char * name) const { return object.Get(name).As<Napi::String>().Utf8Value(); }

    std::vector<std::string> toStrings(const char * name) const {
        const auto array = object.Get(name).As<Napi::Array>();
        std::vector<std::string> strings;
        for (uint32_t index = 0; index < array.Length(); index++)
            strings.push_back(array.Get(index).As<Napi::String>().Utf8Value());
        return strings;
    }

    std::vector<llama_token> toTokens(const char * name) const {
        const auto array = object.Get(name).As<Napi::Uint32Array>();
        return {array.Data(), array.Data() + array.ElementLength()};
    }

    std::vector<SamplerType> toOrder(const char * name) const {
        std::vector<SamplerType> order;
        for (const auto & each : toStrings(name)) {
            const auto type = samplerTypes.find(each);
            if (type == samplerTypes.end()) throw Napi::Error::New(object.Env(), "There is no sampler '" + each + "'.");
            order.push_back(type->second);
        }
        return order;
    }

    std::unordered_map<llama_token, float> toBiases(const char * tokensName, const char * valuesName) const {
        const auto tokens = toTokens(tokensName);
        const auto values = object.Get(valuesName).As<Napi::Float32Array>();
        if (values.ElementLength() != tokens.size())
            throw Napi::Error::New(object.Env(), "There are not as many biases as tokens.");
        std::unordered_map<llama_token, float> biases;
        for (size_t index = 0; index < tokens.size(); index++) biases[tokens[index]] = values[index];
        return biases;
    }

private:
    const Napi::Object & object;
};

} // namespace

SamplerConfig readSamplerConfig(const Napi::Object & object) {
    const Fields fields(object);
    SamplerConfig config;
    config.order = fields.toOrder("order");
    config.seed = object.Get("seed").As<Napi::Number>().Uint32Value();
    config.minKeep = fields.toInt("minKeep");
    config.temperature = fields.toFloat("temperature");
    config.dynatempRange = fields.toFloat("dynatempRange");
    config.dynatempExponent = fields.toFloat("dynatempExponent");
    config.topK = fields.toInt("topK");
    config.topP = fields.toFloat("topP");
    config.minP = fields.toFloat("minP");
    config.typicalP = fields.toFloat("typicalP");
    config.topNSigma = fields.toFloat("topNSigma");
    config.xtcProbability = fields.toFloat("xtcProbability");
    config.xtcThreshold = fields.toFloat("xtcThreshold");
    config.mirostat = fields.toInt("mirostat");
    config.mirostatTau = fields.toFloat("mirostatTau");
    config.mirostatEta = fields.toFloat("mirostatEta");
    config.adaptiveTarget = fields.toFloat("adaptiveTarget");
    config.adaptiveDecay = fields.toFloat("adaptiveDecay");
    config.repeatPenalty = fields.toFloat("repeatPenalty");
    config.repeatLastTokens = fields.toInt("repeatLastTokens");
    config.promptEnd = fields.toTokens("promptEnd");
    config.presencePenalty = fields.toDouble("presencePenalty");
    config.frequencyPenalty = fields.toDouble("frequencyPenalty");
    config.dryMultiplier = fields.toFloat("dryMultiplier");
    config.dryBase = fields.toFloat("dryBase");
    config.dryAllowedLength = fields.toInt("dryAllowedLength");
    config.dryLastTokens = fields.toInt("dryLastTokens");
    config.drySequenceBreakers = fields.toStrings("drySequenceBreakers");
    config.biases = fields.toBiases("biasTokens", "biasValues");
    config.ignoreEndOfGeneration = fields.toBool("ignoreEndOfGeneration");
    config.minTokens = fields.toInt("minTokens");
    config.grammarStart.prefix = fields.toString("grammarPrefix");
    config.grammarStart.triggers = fields.toStrings("grammarTriggers");
    config.grammarStart.thoughts.start = fields.toString("thoughtsStart");
    config.grammarStart.thoughts.ends = fields.toStrings("thoughtsEnds");
    config.grammarStart.thoughts.hasStarted = fields.toBool("startsThinking");
    config.thoughtTokens = fields.toInt("thoughtTokens");
    config.thoughtEnd = fields.toTokens("thoughtEnd");
    return config;
}
