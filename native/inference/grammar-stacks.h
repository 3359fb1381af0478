// Where a text may stand in the rules of a grammar. A stack is an element to match next and the stack of what follows the rule
// that the element is in. Equal stacks are one, and equal sets of them are one, so that a character leads from a set to the next
// by a look-up once it was seen.
#pragma once
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "gbnf.h"

/** The bytes of a character that have come, and how many are missing. */
struct PartialCharacter {
    uint32_t value = 0;
    int missing = 0;
};

class GrammarStacks {
public:
    /** A set of stacks. */
    using SetId = uint32_t;
    /** No text goes on from here. */
    static constexpr SetId none = 0;

    explicit GrammarStacks(std::shared_ptr<const Rules> rules);

    /**
     * Begins the work on a token. Forgets the stacks that only earlier tokens needed, if there are many.
     *
     * @param kept the set that the token starts from
     * @returns the same set, whose number may be another
     */
    SetId beginToken(SetId kept);
    /** The work since then, in comparisons of a character. */
    uint64_t workOfToken() const { return work; }

    // All below throw GrammarError when they take more than a token may.

    /** Where a rule begins. */
    SetId start(uint32_t rule);
    /** Where a text stands behind a character. */
    SetId step(SetId set, uint32_t character);
    /** Where a text stands behind a token that the grammar names. */
    SetId stepToken(SetId set, uint32_t token);
    /** The stacks of two sets. */
    SetId unite(SetId one, SetId other);
    /** Whether a character whose first bytes have come may follow. */
    bool mayComplete(SetId set, PartialCharacter partial);
    /** Whether the text may end. */
    bool mayEnd(SetId set) const { return !sets[set].stacks.empty() && sets[set].stacks.front() == emptyStack; }

private:
    using StackId = uint32_t;
    static constexpr StackId emptyStack = 0;

    struct Stack {
        uint32_t element;
        /** Of a lower number. */
        StackId below;
    };
    struct Set {
        /** In the order of their numbers. */
        std::vector<StackId> stacks;
        /** Those that match one character, in its order. */
        std::vector<std::pair<uint32_t, StackId>> byCharacter;
        /** Those that match several characters. */
        std::vector<StackId> others;
        bool hasTokens = false;
    };

    std::shared_ptr<const Rules> rules;
    std::vector<Stack> stacks;
    std::unordered_map<uint64_t, StackId> stackIds;
    std::vector<Set> sets;
    std::unordered_multimap<uint64_t, SetId> setIds;
    /** By set and character. */
    std::unordered_map<uint64_t, SetId> steps;
    /** How many stacks all sets have together. */
    size_t members = 0;
    /** By stack, the last expansion that visited it. */
    std::vector<uint32_t> visits;
    uint32_t expansion = 0;
    /** How many stacks the expansion has visited. */
    size_t visited = 0;
    /** Those of them that are not expanded yet. */
    std::vector<StackId> pending;
    uint64_t work = 0;

    const Element & elementOf(StackId stack) const { return rules->elements[stacks[stack].element]; }
    bool isEnd(uint32_t element) const;
    void spend(uint64_t amount);
    StackId toStack(uint32_t element, StackId below);
    StackId behind(uint32_t element, StackId below);
    /** Whether an element belongs to the set of characters before it. */
    bool continuesSet(uint32_t element) const;
    uint32_t skipSet(uint32_t element);
    bool matches(uint32_t element, uint32_t character);
    bool mayMatch(uint32_t element, uint32_t low, uint32_t high);
    void beginExpansion();
    void visit(StackId stack);
    void visitAlternatives(uint32_t rule, StackId below);
    /** Follows rules from the visited stacks until each has a character or a token on top. */
    SetId expand();
    SetId toSet(std::vector<StackId> members);
    void clear();
};

/**
 * Asserts that no rule starts in more ways than a token may take, as those do that are left-recursive or very ambiguous.
 *
 * @throws GrammarError
 */
void assertBoundedStarts(const std::shared_ptr<const Rules> & rules);
