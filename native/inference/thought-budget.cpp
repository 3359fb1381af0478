#include "thought-budget.h"

#include <algorithm>

namespace {

/** Whether a text ends with a whole character of UTF-8. */
bool endsWhole(const std::string & text) {
    size_t rest = 0;
    while (rest < 3 && rest < text.size() && (static_cast<unsigned char>(text[text.size() - 1 - rest]) & 0xC0) == 0x80) rest += 1;
    if (rest == text.size()) return true;
    const unsigned char first = text[text.size() - 1 - rest];
    const size_t wanted = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0;
    return rest >= wanted;
}

} // namespace

ThoughtBudget::ThoughtBudget(const llama_vocab * vocab, ThoughtMarks marks, int32_t tokens, std::vector<llama_token> end)
    : pieces(vocab), marks(std::move(marks)), end(std::move(end)), left(tokens), isThinking(this->marks.hasStarted) {
    if (isThinking && left <= 0) forced = 0;
}

std::optional<llama_token> ThoughtBudget::next() const {
    return forced ? std::optional<llama_token>(end[*forced]) : std::nullopt;
}

void ThoughtBudget::accept(llama_token token) {
    if (forced && token == end[*forced]) {
        *forced += 1;
        if (*forced < end.size()) return;
        forced.reset();
        window.clear();
        isThinking = false;
        return;
    }
    // A grammar did not admit the mark at this place.
    forced.reset();
    const bool wasThinking = isThinking;
    window += pieces.of(token);
    follow();
    if (wasThinking && isThinking) left -= 1;
    if (isThinking && left <= 0 && endsWhole(window)) forced = 0;
    size_t longest = marks.start.size();
    for (const auto & mark : marks.ends) longest = std::max(longest, mark.size());
    if (window.size() > longest) window.erase(0, window.size() - longest);
}

/** Finds the marks in the window. */
void ThoughtBudget::follow() {
    for (;;) {
        size_t found = std::string::npos, length = 0;
        const auto look = [&](const std::string & mark) {
            const size_t at = mark.empty() ? std::string::npos : window.find(mark);
            if (at < found) found = at, length = mark.size();
        };
        if (!isThinking) look(marks.start);
        else for (const auto & mark : marks.ends) look(mark);
        if (found == std::string::npos) return;
        window.erase(0, found + length);
        isThinking = !isThinking;
    }
}
