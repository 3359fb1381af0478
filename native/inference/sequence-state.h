// States of sequences, of all their tokens or of the last ones.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "llama.h"

/** llama.cpp's `LLAMA_MAX_SEQ`, whose header is private. A context with one pool of cells takes all their numbers. */
constexpr llama_seq_id sequenceLimit = 256;

struct SequenceState {
    std::shared_ptr<uint8_t[]> data;
    size_t size;
};

/**
 * Copies the state of a sequence.
 *
 * @param first the position of the first token. More than 0 takes a context whose sequences share their cells
 * @throws std::runtime_error when llama.cpp cannot
 */
SequenceState readState(llama_context * context, llama_seq_id sequence, llama_pos first);

/** A state, and the position behind its last token that is wanted. */
struct StateUpTo {
    const uint8_t * data;
    size_t size;
    llama_pos end;
};

/**
 * Replaces what a sequence holds by states, each of the tokens behind the end of the one before.
 *
 * @param states more than one take a context whose sequences share their cells
 * @throws std::runtime_error when one does not fit; what the sequence holds is then unknown
 */
void writeStates(llama_context * context, llama_seq_id sequence, const std::vector<StateUpTo> & states);
