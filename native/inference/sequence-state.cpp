#include "sequence-state.h"

#include <stdexcept>

namespace {

/**
 * Holds tokens of a sequence for a moment, because llama.cpp reads and writes sequences whole: another sequence, which shares their
 * cells, so nothing is copied.
 */
class Parked {
public:
    Parked(llama_context * context, llama_seq_id sequence) : memory(llama_get_memory(context)), sequence(sequence) {}
    /** Gives the tokens back. */
    ~Parked() {
        if (isEmpty) return;
        llama_memory_seq_cp(memory, parked, sequence, -1, -1);
        llama_memory_seq_rm(memory, parked, -1, -1);
    }

    /** Takes the tokens before a position from the sequence; -1 takes all. */
    void take(llama_pos end) {
        llama_memory_seq_cp(memory, sequence, parked, -1, end);
        llama_memory_seq_rm(memory, sequence, -1, end);
        isEmpty = false;
    }

private:
    static constexpr llama_seq_id parked = sequenceLimit - 1;
    llama_memory_t memory;
    const llama_seq_id sequence;
    bool isEmpty = true;
};

} // namespace

SequenceState readState(llama_context * context, llama_seq_id sequence, llama_pos first) {
    Parked before(context, sequence);
    if (first > 0) before.take(first);
    const size_t size = llama_state_seq_get_size(context, sequence);
    // Not a vector: it would write zeros first, which takes as long as the copy.
    auto data = std::shared_ptr<uint8_t[]>(new uint8_t[size]);
    if (size == 0 || llama_state_seq_get_data(context, data.get(), size, sequence) != size)
        throw std::runtime_error("llama.cpp cannot read the sequence.");
    return {data, size};
}

void writeStates(llama_context * context, llama_seq_id sequence, const std::vector<StateUpTo> & states) {
    llama_memory_t memory = llama_get_memory(context);
    llama_memory_seq_rm(memory, sequence, -1, -1);
    Parked before(context, sequence);
    for (size_t index = 0; index < states.size(); index++) {
        if (index > 0) before.take(-1);
        const auto [data, size, end] = states[index];
        bool fits = llama_state_seq_set_data(context, data, size, sequence) == size;
        // A memory that cannot go back refuses to be asked.
        if (fits && llama_memory_seq_pos_max(memory, sequence) >= end) fits = llama_memory_seq_rm(memory, sequence, end, -1);
        if (!fits) throw std::runtime_error("llama.cpp cannot write the sequence.");
    }
}
