// A grammar that the tokens of a text must match, from its first token or from behind a trigger.
#pragma once
#include <memory>
#include <regex>
#include <string>
#include <vector>

#include "grammar-state.h"
#include "llama.h"
#include "napi.h"
#include "thought-budget.h"

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

/** Where in a text its grammar starts. */
struct GrammarStart {
    /** What the text begins with by the prompt already; the grammar covers it. */
    std::string prefix;
    /**
     * Regular expressions (ECMAScript). The text is free until one of them matches; the grammar covers the match, or its first
     * group. Empty: the grammar starts with the text.
     */
    std::vector<std::string> triggers;
    /** Within thoughts no trigger counts. */
    ThoughtMarks thoughts;
};

/** Follows one text. On the inference thread. All methods throw GrammarError when a token takes too much work. */
class GrammarConstraint {
public:
    /** @throws GrammarError when the grammar does not admit the prefix */
    GrammarConstraint(std::shared_ptr<GrammarSource> source, const GrammarStart & start);

    /** Whether the text has to match the grammar now. */
    bool isActive() const { return phase == Phase::active; }
    bool admits(llama_token token) const;
    /** Gives the candidates that the grammar does not admit a logit of minus infinity. */
    void apply(llama_token_data_array & candidates) const;
    /** Takes a token into account that ends no text. @throws GrammarError when the grammar does not admit it */
    void accept(llama_token token);
    /** @throws GrammarError when the text may not end with this token, which ends texts */
    void assertEnd(llama_token token) const;

private:
    /**
     * A model may also mention the text of a trigger. So behind a trigger its own choice of the next token that is not blank decides
     * whether this is the start of what the grammar describes.
     */
    enum class Phase { awaiting, undecided, active };

    std::shared_ptr<GrammarSource> source;
    std::vector<std::regex> triggers;
    const ThoughtMarks thoughts;
    bool isThinking;
    Phase phase = Phase::active;
    /** The end of the text, while a trigger is awaited. */
    std::string window;
    /** Whether the window is the whole text. */
    bool isWhole = true;
    std::unique_ptr<GrammarState> state;

    void awaitTrigger(const std::string & piece);
    void decide(llama_token token, const std::string & piece);
    void follow(const std::string & piece);
    bool skipThoughts();
    void await();
};
