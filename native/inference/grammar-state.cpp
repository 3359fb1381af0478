#include "grammar-state.h"

#include <cmath>
#include <utility>
#include <vector>

GrammarState::GrammarState(std::shared_ptr<TokenPieces> pieces, std::shared_ptr<const Rules> rules)
    : pieces(std::move(pieces)), stacks(rules), place{stacks.start(rules->root), {}} {}

bool GrammarState::admits(llama_token token) {
    place.set = stacks.beginToken(place.set);
    return llama_vocab_is_eog(pieces->vocab, token) ? mayEnd() : behind(token).has_value();
}

void GrammarState::apply(llama_token_data_array & candidates) {
    place.set = stacks.beginToken(place.set);
    std::vector<bool> isAdmitted(candidates.size);
    if (mayEnd()) {
        for (size_t token = 0; token < candidates.size; token++)
            isAdmitted[token] = llama_vocab_is_eog(pieces->vocab, token);
    }
    // Where the text stands behind each byte of the last token.
    std::vector<Place> places = {place};
    // So many of its first bytes lead nowhere.
    size_t impossible = SIZE_MAX;
    for (const auto & [token, bytes, common] : pieces->sorted()) {
        if (static_cast<size_t>(token) >= candidates.size) continue;
        if (common < impossible) {
            impossible = SIZE_MAX;
            places.resize(std::min(places.size(), common + 1));
            while (places.size() <= bytes.size()) {
                const auto next = behind(places.back(), bytes[places.size() - 1]);
                if (!next) {
                    impossible = places.size();
                    break;
                }
                places.push_back(*next);
            }
            if (impossible == SIZE_MAX && isPossible(places.back())) isAdmitted[token] = true;
        }
        if (stacks.stepToken(place.set, token) != GrammarStacks::none) isAdmitted[token] = true;
    }
    for (size_t index = 0; index < candidates.size; index++) {
        if (!isAdmitted[candidates.data[index].id]) candidates.data[index].logit = -INFINITY;
    }
}

bool GrammarState::accept(llama_token token) {
    place.set = stacks.beginToken(place.set);
    const auto next = behind(token);
    if (next) place = *next;
    return next.has_value();
}

bool GrammarState::accept(std::string_view text) {
    place.set = stacks.beginToken(place.set);
    const auto next = behind(text);
    if (next) place = *next;
    return next.has_value();
}

std::optional<GrammarState::Place> GrammarState::behind(const Place & from, uint8_t byte) {
    auto [value, missing] = from.partial;
    if (missing > 0) {
        if ((byte & 0xc0) != 0x80) return std::nullopt;
        value = (value << 6) | (byte & 0x3f);
        missing--;
    } else if (byte < 0x80) {
        // A zero ends the texts of llama.cpp.
        if (byte == 0) return std::nullopt;
        value = byte;
    } else {
        if (byte < 0xc0 || byte >= 0xf8) return std::nullopt;
        missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
        value = byte & (0x3f >> missing);
    }
    if (missing > 0) return Place{from.set, {value, missing}};
    const auto set = stacks.step(from.set, value);
    return set == GrammarStacks::none ? std::nullopt : std::optional(Place{set, {}});
}

std::optional<GrammarState::Place> GrammarState::behind(std::string_view text) {
    std::optional<Place> next = place;
    for (size_t index = 0; next && index < text.size(); index++) next = behind(*next, text[index]);
    return next && isPossible(*next) ? next : std::nullopt;
}

/** Behind the characters of its text, or behind itself where the grammar names it. */
std::optional<GrammarState::Place> GrammarState::behind(llama_token token) {
    const auto piece = pieces->of(token);
    const auto next = piece.empty() ? std::nullopt : behind(piece);
    const auto named = stacks.stepToken(place.set, token);
    if (named == GrammarStacks::none) return next;
    if (!next || next->partial.missing > 0) return Place{named, {}};
    return Place{stacks.unite(named, next->set), {}};
}

bool GrammarState::isPossible(const Place & at) {
    return at.partial.missing == 0 || stacks.mayComplete(at.set, at.partial);
}

bool GrammarState::mayEnd() const { return place.partial.missing == 0 && stacks.mayEnd(place.set); }
