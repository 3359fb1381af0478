#include "special-tokens.h"

SpecialTokens::SpecialTokens(const llama_vocab * vocab, bool control) {
    const int wanted = LLAMA_TOKEN_ATTR_USER_DEFINED | (control ? LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_UNKNOWN : 0);
    const int32_t size = llama_vocab_n_tokens(vocab);
    for (llama_token token = 0; token < size; token++) {
        const std::string text = llama_vocab_get_text(vocab, token);
        if ((llama_vocab_get_attr(vocab, token) & wanted) == 0 || text.empty()) continue;
        isFirst[static_cast<uint8_t>(text.front())] = true;
        lengths.insert(text.size());
        texts.insert(text);
    }
}

size_t SpecialTokens::lengthAt(std::string_view text, size_t position) const {
    if (!isFirst[static_cast<uint8_t>(text[position])]) return 0;
    for (const auto length : lengths) {
        if (position + length <= text.size() && texts.count(std::string(text.substr(position, length))) > 0) return length;
    }
    return 0;
}
