// A grammar that the tokens of a text must match, from its first token or from behind a trigger.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "llama.h"
#include "napi.h"

struct SamplerDeleter {
    void operator()(llama_sampler * sampler) const { llama_sampler_free(sampler); }
};
using SamplerPointer = std::unique_ptr<llama_sampler, SamplerDeleter>;

/** A grammar in llama.cpp's GBNF. */
class GrammarSource {
public:
    /** @throws std::invalid_argument when llama.cpp cannot parse it */
    GrammarSource(const llama_vocab * vocab, std::string gbnf);
    /** The grammar at its root. Parses it again for each call but the first. On the inference thread. */
    SamplerPointer take();

private:
    const llama_vocab * vocab;
    std::string gbnf;
    SamplerPointer parsed;
};

/** What JavaScript holds of a grammar. */
class Grammar : public Napi::ObjectWrap<Grammar> {
public:
    /** (model, gbnf). Throws when llama.cpp cannot parse it. */
    explicit Grammar(const Napi::CallbackInfo & info);

    static Napi::Function define(Napi::Env env);

    std::shared_ptr<GrammarSource> source;

private:
    Napi::ObjectReference modelReference;
};

/** Follows one text. On the inference thread. */
class GrammarConstraint {
public:
    /** @param trigger empty: the grammar applies from the first token on */
    GrammarConstraint(const llama_vocab * vocab, std::shared_ptr<GrammarSource> source, std::string trigger);

    /** Whether the text has to match the grammar now. */
    bool isActive() const { return state != nullptr; }
    bool admits(llama_token token) const;
    /** Gives the candidates that the grammar does not admit a logit of minus infinity. */
    void apply(llama_token_data_array & candidates) const;
    /**
     * Takes a token into account that ends no text.
     *
     * @returns the tokens that replace it, if the trigger ends within it
     */
    std::vector<llama_token> accept(llama_token token);

private:
    const llama_vocab * vocab;
    std::shared_ptr<GrammarSource> source;
    const std::string trigger;
    /** The end of the text, as long as the trigger has not come. */
    std::string untriggered;
    SamplerPointer state;

    std::vector<llama_token> awaitTrigger(llama_token token);
};
