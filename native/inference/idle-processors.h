// How many processors have nothing to do, as Linux counts it.
#pragma once
#include <chrono>

/** Reads /proc/stat, which takes some ten microseconds. It counts the whole machine, also from within a container. */
class IdleProcessors {
public:
    /** How many were idle on average since the last call. Negative: unknown, as at the first call and on other systems. */
    double operator()();

private:
    std::chrono::steady_clock::time_point before;
    /** In ticks of all processors. Negative: not read yet. */
    long long idleBefore = -1;
};
