#include "logits.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace {

float highestOf(const float * logits, int32_t size) {
    // In lanes: a compiler may not change the order in which one maximum is compared.
    constexpr int32_t laneCount = 16;
    float lanes[laneCount];
    std::fill(lanes, lanes + laneCount, logits[0]);
    int32_t token = 0;
    for (; token + laneCount <= size; token += laneCount) {
        for (int32_t lane = 0; lane < laneCount; lane++) {
            lanes[lane] = logits[token + lane] > lanes[lane] ? logits[token + lane] : lanes[lane];
        }
    }
    float highest = *std::max_element(lanes, lanes + laneCount);
    for (; token < size; token++) highest = std::max(highest, logits[token]);
    return highest;
}

} // namespace

llama_token chooseHighest(const float * logits, int32_t size) {
    const float * place = std::find(logits, logits + size, highestOf(logits, size));
    return place == logits + size ? 0 : static_cast<llama_token>(place - logits);
}

double logSumOf(const float * logits, int32_t size) {
    const float highest = highestOf(logits, size);
    double weight = 0;
    for (int32_t each = 0; each < size; each++) weight += std::exp(logits[each] - highest);
    return highest + std::log(weight);
}

Score scoreToken(const float * logits, int32_t size, llama_token token, size_t top) {
    const double logSum = logSumOf(logits, size);
    const auto logprobOf = [&](llama_token each) { return logits[each] - logSum; };

    std::vector<llama_token> likeliest(size);
    std::iota(likeliest.begin(), likeliest.end(), 0);
    const auto end = likeliest.begin() + std::min<size_t>(top, size);
    std::partial_sort(likeliest.begin(), end, likeliest.end(), [logits](llama_token one, llama_token other) {
        return logits[one] > logits[other] || (logits[one] == logits[other] && one < other);
    });
    Score score{logprobOf(token), {}};
    for (auto each = likeliest.begin(); each != end; each++) score.top.push_back({*each, logprobOf(*each)});
    return score;
}
