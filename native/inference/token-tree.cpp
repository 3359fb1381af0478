#include "token-tree.h"

#include <algorithm>
#include <map>
#include <stdexcept>

#include "logits.h"
#include "sequence-state.h"

namespace {

/** Copies of a sequence, which share its cells. */
class SequenceCopies {
public:
    SequenceCopies(llama_memory_t memory, llama_seq_id from, llama_seq_id first)
        : memory(memory), from(from), first(first), end(first) {}
    ~SequenceCopies() {
        for (llama_seq_id copy = first; copy < end; copy++) llama_memory_seq_rm(memory, copy, -1, -1);
    }

    llama_seq_id add() {
        if (end == sequenceLimit) throw std::runtime_error("The tree of tokens has too many ends.");
        llama_memory_seq_cp(memory, from, end, -1, -1);
        return end++;
    }

private:
    llama_memory_t memory;
    const llama_seq_id from;
    const llama_seq_id first;
    llama_seq_id end;
};

/** By token, the sequences that it is in: one for each end of the tree behind it. */
std::vector<std::vector<llama_seq_id>> toSequences(const TokenTree & tree, SequenceCopies & copies) {
    const size_t count = tree.tokens.size();
    std::vector<bool> isEnd(count, true);
    for (const int32_t parent : tree.parents) {
        if (parent >= 0) isEnd[parent] = false;
    }
    std::vector<std::vector<llama_seq_id>> sequences(count);
    for (size_t index = 0; index < count; index++) {
        if (!isEnd[index]) continue;
        const llama_seq_id sequence = copies.add();
        for (int32_t each = index; each >= 0; each = tree.parents[each]) sequences[each].push_back(sequence);
    }
    return sequences;
}

} // namespace

std::vector<double> scoreTree(
    llama_context * context, llama_seq_id sequence, const TokenTree & tree, const std::vector<WantedToken> & wanted,
    const std::function<void(llama_batch)> & decode) {
    const llama_memory_t memory = llama_get_memory(context);
    const size_t count = tree.tokens.size();
    SequenceCopies copies(memory, sequence, llama_n_seq_max(context));
    auto sequences = toSequences(tree, copies);

    auto tokens = tree.tokens;
    const llama_pos start = llama_memory_seq_pos_max(memory, sequence) + 1;
    std::vector<llama_pos> positions(count);
    std::vector<int32_t> sequenceCounts(count);
    std::vector<llama_seq_id *> sequenceLists(count);
    std::vector<int8_t> outputs(count, 0);
    for (size_t index = 0; index < count; index++) {
        const int32_t parent = tree.parents[index];
        positions[index] = parent < 0 ? start : positions[parent] + 1;
        sequenceCounts[index] = sequences[index].size();
        sequenceLists[index] = sequences[index].data();
    }
    for (const auto & each : wanted) outputs[each.parent] = 1;
    decode({
        static_cast<int32_t>(count), tokens.data(), nullptr, positions.data(), sequenceCounts.data(), sequenceLists.data(),
        outputs.data(),
    });

    const int32_t size = llama_vocab_n_tokens(llama_model_get_vocab(llama_get_model(context)));
    std::map<int32_t, double> logOfSums;
    std::vector<double> logprobs;
    for (const auto & [parent, token] : wanted) {
        const float * logits = llama_get_logits_ith(context, parent);
        if (logits == nullptr) throw std::runtime_error("llama.cpp gave no logits.");
        const auto known = logOfSums.find(parent);
        const double logOfSum = known != logOfSums.end() ? known->second : logOfSums[parent] = logSumOf(logits, size);
        logprobs.push_back(logits[token] - logOfSum);
    }
    return logprobs;
}
