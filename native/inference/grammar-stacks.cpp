#include "grammar-stacks.h"

#include <algorithm>
#include <iterator>

namespace {

/** The most ways to go on from one place, by which a grammar is too ambiguous. JSON of a large schema has a few hundred. */
constexpr size_t mostVisits = 50'000;
/**
 * The most work of a token, and of the starts of all rules together, in comparisons of a character; a tenth of a second to half a
 * second.
 */
constexpr uint64_t mostWork = 64'000'000;
/** A stack takes about as long as so many comparisons, also one that was there before. */
constexpr uint64_t workOfStack = 32;
/** More are not kept from one token to the next. Each takes up to 100 bytes. */
constexpr size_t mostKept = 100'000;
/** More are not made by one token: 60 MB. */
constexpr size_t mostMade = 600'000;

uint64_t pairOf(uint32_t one, uint32_t other) { return (static_cast<uint64_t>(one) << 32) | other; }

uint64_t hashOf(const std::vector<uint32_t> & numbers) {
    uint64_t hash = 14695981039346656037ull;
    for (const auto number : numbers) hash = (hash ^ number) * 1099511628211ull;
    return hash;
}

bool isToken(ElementType type) { return type == ElementType::token || type == ElementType::notToken; }

} // namespace

GrammarStacks::GrammarStacks(std::shared_ptr<const Rules> rules) : rules(std::move(rules)) { clear(); }

void GrammarStacks::clear() {
    stacks.assign(1, {0, emptyStack});
    visits.assign(1, 0);
    expansion = 0;
    stackIds.clear();
    sets.assign(1, {});
    setIds.clear();
    steps.clear();
    members = 0;
}

GrammarStacks::SetId GrammarStacks::beginToken(SetId kept) {
    work = 0;
    if (stacks.size() + members + steps.size() <= mostKept) return kept;
    const auto oldStacks = std::move(stacks);
    const auto oldMembers = std::move(sets[kept].stacks);
    clear();
    std::vector<bool> isKept(oldStacks.size());
    for (const auto stack : oldMembers) isKept[stack] = true;
    // A stack is made after the one below it.
    for (StackId stack = oldStacks.size() - 1; stack > emptyStack; stack--) {
        if (isKept[stack]) isKept[oldStacks[stack].below] = true;
    }
    std::vector<StackId> numbers(oldStacks.size(), emptyStack);
    for (StackId stack = 1; stack < oldStacks.size(); stack++) {
        if (isKept[stack]) numbers[stack] = toStack(oldStacks[stack].element, numbers[oldStacks[stack].below]);
    }
    std::vector<StackId> renumbered;
    for (const auto stack : oldMembers) renumbered.push_back(numbers[stack]);
    const auto set = toSet(std::move(renumbered));
    if (stacks.size() + members > mostKept) throw GrammarError("The text is nested too deeply in it.");
    return set;
}

void GrammarStacks::spend(uint64_t amount) {
    work += amount;
    if (work > mostWork || stacks.size() + members + steps.size() > mostMade)
        throw GrammarError("It is too ambiguous: a token takes more work than is allowed.");
}

bool GrammarStacks::isEnd(uint32_t element) const {
    const auto type = rules->elements[element].type;
    return type == ElementType::end || type == ElementType::alternative;
}

GrammarStacks::StackId GrammarStacks::toStack(uint32_t element, StackId below) {
    const auto [place, isNew] = stackIds.emplace(pairOf(element, below), stacks.size());
    if (isNew) {
        stacks.push_back({element, below});
        visits.push_back(0);
    }
    return place->second;
}

/** The stack of what comes at an element, which may be the end of its rule. */
GrammarStacks::StackId GrammarStacks::behind(uint32_t element, StackId below) {
    return isEnd(element) ? below : toStack(element, below);
}

void GrammarStacks::beginExpansion() {
    expansion++;
    visited = 0;
    pending.clear();
}

void GrammarStacks::visit(StackId stack) {
    spend(workOfStack);
    if (visits[stack] == expansion) return;
    visits[stack] = expansion;
    if (++visited > mostVisits)
        throw GrammarError("It is too ambiguous: a text may go on in more than " + std::to_string(mostVisits) + " ways.");
    pending.push_back(stack);
}

void GrammarStacks::visitAlternatives(uint32_t rule, StackId below) {
    for (uint32_t element = rules->starts[rule];; element++) {
        const uint32_t first = element;
        visit(behind(first, below));
        while (!isEnd(element)) element++;
        spend(element - first);
        if (rules->elements[element].type == ElementType::end) return;
    }
}

GrammarStacks::SetId GrammarStacks::expand() {
    std::vector<StackId> reached;
    while (!pending.empty()) {
        const StackId stack = pending.back();
        pending.pop_back();
        if (stack == emptyStack || elementOf(stack).type != ElementType::rule) {
            reached.push_back(stack);
            continue;
        }
        const auto [element, below] = stacks[stack];
        visitAlternatives(rules->elements[element].value, behind(element + 1, below));
    }
    return toSet(std::move(reached));
}

GrammarStacks::SetId GrammarStacks::toSet(std::vector<StackId> numbers) {
    if (numbers.empty()) return none;
    std::sort(numbers.begin(), numbers.end());
    const uint64_t hash = hashOf(numbers);
    const auto [first, end] = setIds.equal_range(hash);
    for (auto each = first; each != end; each++) {
        if (sets[each->second].stacks == numbers) return each->second;
    }
    members += numbers.size();
    Set set;
    for (const auto stack : numbers) {
        if (stack == emptyStack) continue;
        const auto & element = elementOf(stack);
        if (isToken(element.type)) {
            set.hasTokens = true;
        } else if (element.type == ElementType::character && !continuesSet(stacks[stack].element + 1)) {
            set.byCharacter.emplace_back(element.value, stack);
        } else {
            set.others.push_back(stack);
        }
    }
    std::sort(set.byCharacter.begin(), set.byCharacter.end());
    set.stacks = std::move(numbers);
    sets.push_back(std::move(set));
    setIds.emplace(hash, sets.size() - 1);
    return sets.size() - 1;
}

bool GrammarStacks::continuesSet(uint32_t element) const {
    const auto type = rules->elements[element].type;
    return type == ElementType::rangeEnd || type == ElementType::otherCharacter;
}

/** The element behind a set of characters. */
uint32_t GrammarStacks::skipSet(uint32_t element) {
    uint32_t end = element + 1;
    while (continuesSet(end)) end++;
    spend(end - element);
    return end;
}

bool GrammarStacks::matches(uint32_t element, uint32_t character) { return mayMatch(element, character, character); }

/** Whether the set has one of the characters from `low` to `high`; of a negated one, whether it may have one. */
bool GrammarStacks::mayMatch(uint32_t element, uint32_t low, uint32_t high) {
    const auto & elements = rules->elements;
    if (elements[element].type == ElementType::anyCharacter) return true;
    const bool isNegated = elements[element].type == ElementType::notCharacter;
    const uint32_t end = skipSet(element);
    spend(1);
    while (element < end) {
        const bool isRange = elements[element + 1].type == ElementType::rangeEnd;
        const uint32_t first = elements[element].value;
        const uint32_t last = isRange ? elements[element + 1].value : first;
        // Excluded is only what is excluded as a whole.
        if (isNegated ? first <= low && high <= last : first <= high && low <= last) return !isNegated;
        element += isRange ? 2 : 1;
    }
    return isNegated;
}

GrammarStacks::SetId GrammarStacks::start(uint32_t rule) {
    beginExpansion();
    visitAlternatives(rule, emptyStack);
    return expand();
}

GrammarStacks::SetId GrammarStacks::step(SetId from, uint32_t character) {
    if (from == none) return none;
    const uint64_t key = pairOf(from, character);
    const auto known = steps.find(key);
    if (known != steps.end()) return known->second;
    const auto & set = sets[from];
    std::vector<StackId> matched;
    auto each = std::lower_bound(set.byCharacter.begin(), set.byCharacter.end(), std::make_pair(character, emptyStack));
    for (; each != set.byCharacter.end() && each->first == character; each++) matched.push_back(each->second);
    for (const auto stack : set.others) {
        if (matches(stacks[stack].element, character)) matched.push_back(stack);
    }
    beginExpansion();
    for (const auto stack : matched) {
        const auto [element, below] = stacks[stack];
        visit(behind(skipSet(element), below));
    }
    spend(workOfStack);
    const auto to = expand();
    steps.emplace(key, to);
    return to;
}

GrammarStacks::SetId GrammarStacks::stepToken(SetId from, uint32_t token) {
    if (!sets[from].hasTokens) return none;
    std::vector<StackId> matched;
    for (const auto stack : sets[from].stacks) {
        if (stack == emptyStack) continue;
        spend(1);
        const auto & [type, value] = elementOf(stack);
        if (isToken(type) && (value == token) == (type == ElementType::token)) matched.push_back(stack);
    }
    beginExpansion();
    for (const auto stack : matched) {
        const auto [element, below] = stacks[stack];
        visit(behind(element + 1, below));
    }
    return expand();
}

GrammarStacks::SetId GrammarStacks::unite(SetId one, SetId other) {
    std::vector<StackId> all;
    std::set_union(
        sets[one].stacks.begin(), sets[one].stacks.end(), sets[other].stacks.begin(), sets[other].stacks.end(),
        std::back_inserter(all));
    return toSet(std::move(all));
}

bool GrammarStacks::mayComplete(SetId set, PartialCharacter partial) {
    uint32_t low = partial.value << (partial.missing * 6);
    const uint32_t high = low | ((1u << (partial.missing * 6)) - 1);
    // A character is not written with more bytes than it needs.
    if (partial.missing == 1 && partial.value < 2) return false;
    if (low == 0) low = partial.missing == 2 ? 1 << 11 : 1 << 16;
    const auto & [all, byCharacter, others, hasTokens] = sets[set];
    const auto single = std::lower_bound(byCharacter.begin(), byCharacter.end(), std::make_pair(low, emptyStack));
    if (single != byCharacter.end() && single->first <= high) return true;
    return std::any_of(others.begin(), others.end(), [&](StackId stack) { return mayMatch(stacks[stack].element, low, high); });
}

void assertBoundedStarts(const std::shared_ptr<const Rules> & rules) {
    GrammarStacks stacks(rules);
    uint64_t work = 0;
    auto set = GrammarStacks::none;
    for (const auto rule : rules->named) {
        try {
            set = stacks.beginToken(set);
            set = stacks.start(rule);
        } catch (const GrammarError &) {
            throw GrammarError(
                "The rule '" + rules->names[rule] + "' starts in too many ways: it is left-recursive, or too ambiguous.");
        }
        work += stacks.workOfToken();
        if (work > mostWork) throw GrammarError("The starts of its rules take more work than is allowed.");
    }
}
