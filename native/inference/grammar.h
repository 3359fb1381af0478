// A grammar that the tokens of a text must match, from its first token or from behind a trigger.
#pragma once
#include <memory>
#include <regex>
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

/** Where in a text its grammar starts. */
struct GrammarStart {
    /** What the text begins with by the prompt already; the grammar covers it. */
    std::string prefix;
    /**
     * Regular expressions (ECMAScript). The text is free until one of them matches; the grammar covers the match, or its first
     * group. Empty: the grammar starts with the text.
     */
    std::vector<std::string> triggers;
    /** Between these marks no trigger counts. Empty: there are no thoughts. */
    std::string thoughtsStart;
    std::vector<std::string> thoughtsEnds;
    bool startsThinking = false;
};

/** Follows one text. On the inference thread. */
class GrammarConstraint {
public:
    /** @throws std::runtime_error when the grammar does not admit the prefix */
    GrammarConstraint(const llama_vocab * vocab, std::shared_ptr<GrammarSource> source, const GrammarStart & start);

    /** Whether the text has to match the grammar now. */
    bool isActive() const { return phase == Phase::active; }
    bool admits(llama_token token) const;
    /** Gives the candidates that the grammar does not admit a logit of minus infinity. */
    void apply(llama_token_data_array & candidates) const;
    /** Takes a token into account that ends no text. */
    void accept(llama_token token);

private:
    /**
     * A model may also mention the text of a trigger. So behind a trigger its own choice of the next token that is not blank decides
     * whether this is the start of what the grammar describes.
     */
    enum class Phase { awaiting, undecided, active };

    const llama_vocab * vocab;
    std::shared_ptr<GrammarSource> source;
    std::vector<std::regex> triggers;
    const std::string thoughtsStart;
    const std::vector<std::string> thoughtsEnds;
    bool isThinking;
    Phase phase = Phase::active;
    /** The end of the text, while a trigger is awaited. */
    std::string window;
    /** Whether the window is the whole text. */
    bool isWhole = true;
    SamplerPointer state;

    void awaitTrigger(const std::string & piece);
    void decide(llama_token token, const std::string & piece);
    void follow(const std::string & piece);
    bool skipThoughts();
    bool acceptText(const std::string & text);
    bool acceptTokens(const std::vector<llama_token> & tokens);
    void await();
};
