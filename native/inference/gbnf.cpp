#include "gbnf.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <unordered_map>

namespace {

/** The longest text. No grammar that a person writes comes near. */
constexpr size_t longestText = 256 * 1024;
/** The parser recurses into groups. */
constexpr size_t deepestGroup = 500;
/** The most elements, with repetitions written out. They take 8 bytes each. */
constexpr size_t mostElements = 1'000'000;
/** As llama.cpp: more repetitions than that must not be, or may as well have no limit. */
constexpr uint64_t mostRepetitions = 2000;
constexpr uint64_t unlimited = std::numeric_limits<uint64_t>::max();
/** A longer item is repeated by a rule of its own. */
constexpr size_t longestRepeatedItem = 8;
constexpr size_t longestQuote = 64;

using Rule = std::vector<Element>;

bool isDigit(char c) { return '0' <= c && c <= '9'; }

bool isWord(char c) { return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || c == '-' || isDigit(c); }

class Parser {
public:
    Parser(const std::string & text, const FindToken & findToken) : text(text), findToken(findToken) {}

    Rules parse() {
        if (text.size() > longestText) throw GrammarError("It has more than " + std::to_string(longestText) + " bytes.");
        skipSpace(true);
        while (position < text.size()) parseRule();
        return toRules();
    }

private:
    const std::string & text;
    const FindToken & findToken;
    size_t position = 0;
    size_t depth = 0;
    size_t elementCount = 0;
    std::vector<Rule> rules;
    std::unordered_map<std::string, uint32_t> numbers;

    /** The character at the position; 0 at the end. */
    char peek(size_t ahead = 0) const { return position + ahead < text.size() ? text[position + ahead] : '\0'; }

    [[noreturn]] void fail(const std::string & reason) const {
        const auto line = 1 + std::count(text.begin(), text.begin() + std::min(position, text.size()), '\n');
        throw GrammarError("Line " + std::to_string(line) + ": " + reason + ".");
    }

    void skipSpace(bool newlines) {
        for (;; position++) {
            if (peek() == '#') {
                while (position < text.size() && peek() != '\r' && peek() != '\n') position++;
            }
            const char c = peek();
            if (c != ' ' && c != '\t' && !(newlines && (c == '\r' || c == '\n'))) return;
        }
    }

    void skip(char expected, bool newlines) {
        if (peek() != expected) fail(std::string("'") + expected + "' is expected");
        position++;
        skipSpace(newlines);
    }

    std::string parseName() {
        const size_t start = position;
        while (isWord(peek())) position++;
        if (position == start) fail("the name of a rule is expected");
        return text.substr(start, position - start);
    }

    uint64_t parseNumber() {
        if (!isDigit(peek())) fail("a number is expected");
        uint64_t number = 0;
        for (; isDigit(peek()); position++) number = std::min<uint64_t>(number * 10 + (peek() - '0'), 1ull << 40);
        return number;
    }

    uint32_t parseHex(size_t size) {
        uint32_t value = 0;
        for (size_t digit = 0; digit < size; digit++, position++) {
            const char c = peek();
            if (isDigit(c)) value = value * 16 + (c - '0');
            else if ('a' <= c && c <= 'f') value = value * 16 + (c - 'a' + 10);
            else if ('A' <= c && c <= 'F') value = value * 16 + (c - 'A' + 10);
            else fail(std::to_string(size) + " hexadecimal digits are expected");
        }
        return value;
    }

    uint32_t parseEscape() {
        const char c = peek(1);
        position += 2;
        switch (c) {
            case 'x': return parseHex(2);
            case 'u': return parseHex(4);
            case 'U': return parseHex(8);
            case 't': return '\t';
            case 'r': return '\r';
            case 'n': return '\n';
            case '\\': case '"': case '[': case ']': case '-': return c;
            default: fail("there is no such escape");
        }
    }

    uint32_t parseCharacter() {
        if (position >= text.size()) fail("the grammar ends within a text or a set");
        if (peek() == '\\') return parseEscape();
        const auto first = static_cast<uint8_t>(text[position++]);
        // JavaScript gives valid UTF-8.
        const int more = first < 0xc0 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
        uint32_t value = more == 0 ? first : first & (0x3f >> more);
        for (int each = 0; each < more; each++) value = (value << 6) + (static_cast<uint8_t>(peek(each)) & 0x3f);
        position += more;
        return value;
    }

    uint32_t newRule() {
        rules.emplace_back();
        return rules.size() - 1;
    }

    uint32_t ruleNamed(const std::string & name) {
        const auto known = numbers.find(name);
        if (known != numbers.end()) return known->second;
        return numbers[name] = newRule();
    }

    void push(Rule & rule, ElementType type, uint32_t value = 0) {
        if (++elementCount > mostElements)
            fail("the grammar has more than " + std::to_string(mostElements) + " elements, with repetitions written out");
        rule.push_back({type, value});
    }

    void append(Rule & rule, const Rule & other) {
        for (const auto & element : other) push(rule, element.type, element.value);
    }

    void parseRule() {
        const uint32_t number = ruleNamed(parseName());
        skipSpace(false);
        if (text.compare(position, 3, "::=") != 0) fail("'::=' is expected");
        position += 3;
        skipSpace(true);
        parseAlternatives(number, false);
        if (position < text.size() && peek() != '\r' && peek() != '\n') fail("a new line is expected");
        skipSpace(true);
    }

    void parseAlternatives(uint32_t number, bool isNested) {
        Rule rule;
        parseSequence(rule, isNested);
        while (peek() == '|') {
            push(rule, ElementType::alternative);
            position++;
            skipSpace(true);
            parseSequence(rule, isNested);
        }
        push(rule, ElementType::end);
        rules[number] = std::move(rule);
    }

    void parseSequence(Rule & rule, bool isNested) {
        // Where the item begins that a repetition would follow.
        size_t item = rule.size();
        for (;;) {
            const char c = peek();
            if (c == '*' || c == '+' || c == '?' || c == '{') {
                parseRepetition(rule, item, isNested);
                continue;
            }
            const size_t start = rule.size();
            if (!parseItem(rule, c, isNested)) return;
            item = start;
        }
    }

    bool parseItem(Rule & rule, char c, bool isNested) {
        if (c == '"') {
            position++;
            while (peek() != '"') push(rule, ElementType::character, parseCharacter());
            skip('"', isNested);
        } else if (c == '[') {
            parseSet(rule);
            skip(']', isNested);
        } else if (c == '<' || c == '!') {
            if (c == '!') position++;
            const uint32_t token = parseToken();
            push(rule, c == '!' ? ElementType::notToken : ElementType::token, token);
            skip('>', isNested);
        } else if (isWord(c)) {
            push(rule, ElementType::rule, ruleNamed(parseName()));
            skipSpace(isNested);
        } else if (c == '(') {
            if (++depth > deepestGroup) fail("more than " + std::to_string(deepestGroup) + " groups are nested");
            skip('(', true);
            const uint32_t group = newRule();
            parseAlternatives(group, true);
            push(rule, ElementType::rule, group);
            skip(')', isNested);
            depth--;
        } else if (c == '.') {
            push(rule, ElementType::anyCharacter);
            skip('.', isNested);
        } else {
            return false;
        }
        return true;
    }

    void parseSet(Rule & rule) {
        position++;
        auto type = ElementType::character;
        if (peek() == '^') {
            type = ElementType::notCharacter;
            position++;
        }
        while (peek() != ']') {
            push(rule, type, parseCharacter());
            type = ElementType::otherCharacter;
            if (peek() == '-' && peek(1) != ']') {
                position++;
                push(rule, ElementType::rangeEnd, parseCharacter());
            }
        }
    }

    /** `<[id]` or `<text`; leaves the position at `>`. */
    uint32_t parseToken() {
        if (peek() != '<') fail("'<' is expected");
        if (peek(1) == '[') {
            position += 2;
            const uint64_t token = parseNumber();
            if (peek() != ']') fail("']' is expected");
            position++;
            if (token > std::numeric_limits<int32_t>::max()) fail("there is no such token");
            return token;
        }
        const size_t end = text.find('>', position);
        if (end == std::string::npos) fail("'>' is expected");
        const auto token = end - position > longestQuote ? std::nullopt : findToken(text.substr(position, end + 1 - position));
        if (!token) fail("what stands between '<' and '>' is not one token");
        position = end;
        return *token;
    }

    void parseRepetition(Rule & rule, size_t item, bool isNested) {
        if (item == rule.size()) fail("a repetition follows nothing");
        uint64_t least = 0;
        uint64_t most = unlimited;
        const char c = peek();
        position++;
        skipSpace(isNested);
        if (c == '+') least = 1;
        if (c == '?') most = 1;
        if (c == '{') {
            least = most = parseNumber();
            skipSpace(isNested);
            if (peek() == ',') {
                skip(',', isNested);
                most = isDigit(peek()) ? parseNumber() : unlimited;
                skipSpace(isNested);
            }
            skip('}', isNested);
        }
        if (least > mostRepetitions) fail("more than " + std::to_string(mostRepetitions) + " repetitions are required");
        if (most < least) fail("a repetition requires more than it allows");
        repeat(rule, item, least, most > mostRepetitions ? unlimited : most);
    }

    /**
     * S{2,4} becomes S S S1, where S1 ::= S S2 | and S2 ::= S |. S{2,} becomes S S S1, where S1 ::= S S1 |.
     */
    void repeat(Rule & rule, size_t start, uint64_t least, uint64_t most) {
        Rule item(rule.begin() + start, rule.end());
        if (item.size() > longestRepeatedItem) {
            const uint32_t number = newRule();
            rules[number] = item;
            push(rules[number], ElementType::end);
            item = {{ElementType::rule, number}};
        }
        rule.resize(start);
        for (uint64_t each = 0; each < least; each++) append(rule, item);
        if (most == least) return;
        uint32_t last = newRule();
        defineOptional(last, item, most == unlimited ? std::optional(last) : std::nullopt);
        if (most != unlimited) {
            for (uint64_t each = least + 1; each < most; each++) {
                const uint32_t next = newRule();
                defineOptional(next, item, last);
                last = next;
            }
        }
        push(rule, ElementType::rule, last);
    }

    void defineOptional(uint32_t number, const Rule & item, std::optional<uint32_t> next) {
        Rule rule;
        append(rule, item);
        if (next) push(rule, ElementType::rule, *next);
        push(rule, ElementType::alternative);
        push(rule, ElementType::end);
        rules[number] = std::move(rule);
    }

    Rules toRules() const {
        Rules all;
        all.names.resize(rules.size());
        for (const auto & [name, number] : numbers) {
            all.names[number] = name.substr(0, longestQuote);
            if (rules[number].empty()) throw GrammarError("The rule '" + all.names[number] + "' is not defined.");
            all.named.push_back(number);
        }
        const auto root = numbers.find("root");
        if (root == numbers.end()) throw GrammarError("It has no rule 'root'.");
        all.root = root->second;
        std::sort(all.named.begin(), all.named.end());
        for (const auto & rule : rules) {
            all.starts.push_back(all.elements.size());
            all.elements.insert(all.elements.end(), rule.begin(), rule.end());
        }
        return all;
    }
};

} // namespace

Rules parseGbnf(const std::string & text, const FindToken & findToken) { return Parser(text, findToken).parse(); }
