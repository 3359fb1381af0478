// The rules of a grammar in GBNF, llama.cpp's notation (its grammars/README.md). llama.cpp's own parser expands repetitions
// without a limit, and its own matcher follows every way through the rules by itself: a grammar of 456 bytes takes all memory.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "coded-error.h"

/** The grammar is malformed, or exceeds a limit. The message quotes nothing but names of rules. */
struct GrammarError : CodedError {
    explicit GrammarError(const std::string & reason, const char * code = "ERR_GRAMMAR") : CodedError(code, reason) {}
};

enum class ElementType : uint32_t {
    /** The end of a rule. */
    end,
    /** The end of one of its alternatives. */
    alternative,
    /** The number of a rule. */
    rule,
    /** The first of a set of characters. */
    character,
    /** The first of a set of characters that are not matched. */
    notCharacter,
    /** The last character of the range that the element before begins. */
    rangeEnd,
    /** Another character of the set. */
    otherCharacter,
    anyCharacter,
    /** A token's number. */
    token,
    notToken,
};

struct Element {
    ElementType type;
    uint32_t value;
};

struct Rules {
    /** The elements of all rules, one rule behind the other. */
    std::vector<Element> elements;
    /** Where each rule begins. */
    std::vector<uint32_t> starts;
    /** Those that the grammar names. The others come from groups and repetitions. */
    std::vector<uint32_t> named;
    /** By the numbers of rules. Empty: it has none. */
    std::vector<std::string> names;
    uint32_t root;
};

/** The number of the one token that a text such as `<think>` is. */
using FindToken = std::function<std::optional<uint32_t>(const std::string &)>;

/** @throws GrammarError */
Rules parseGbnf(const std::string & text, const FindToken & findToken);
