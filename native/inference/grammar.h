// A grammar that the tokens of a text must match, from its first token or from behind a trigger.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "grammar-state.h"
#include "llama.h"
#include "napi.h"

struct SamplerDeleter {
    void operator()(llama_sampler * sampler) const { llama_sampler_free(sampler); }
};
using SamplerPointer = std::unique_ptr<llama_sampler, SamplerDeleter>;

/** A grammar in llama.cpp's notation, GBNF. */
class GrammarSource {
public:
    GrammarSource(std::shared_ptr<TokenPieces> pieces, std::string gbnf);

    /** On any thread. @throws GrammarError when it is malformed or exceeds a limit */
    void parse();
    /** The grammar at its root. It is parsed. On the inference thread. */
    std::unique_ptr<GrammarState> take() const;

    const std::shared_ptr<TokenPieces> pieces;

private:
    const std::string gbnf;
    std::shared_ptr<const Rules> rules;
};

/** What JavaScript holds of a grammar. */
class Grammar : public Napi::ObjectWrap<Grammar> {
public:
    /** (tokenPieces, gbnf) */
    explicit Grammar(const Napi::CallbackInfo & info);

    static Napi::Function define(Napi::Env env);

    std::shared_ptr<GrammarSource> source;

private:
    Napi::ObjectReference piecesReference;

    /** Parses it on the preparation thread. Rejects with a GrammarError. */
    Napi::Value Parse(const Napi::CallbackInfo & info);
};

/** Follows one text. On the inference thread. All methods throw GrammarError when a token takes too much work. */
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
    std::unique_ptr<GrammarState> state;

    std::vector<llama_token> awaitTrigger(llama_token token);
};
