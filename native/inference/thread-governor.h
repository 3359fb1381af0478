// Chooses how many threads evaluate a token. llama.cpp's threads wait for each other by spinning, hundreds of times a token:
// where another process keeps a processor busy, two threads may be ten times slower than one (docs/decisions/0021).
#pragma once
#include <cstddef>
#include <functional>
#include <vector>

/** Compares how long steps take with more threads and with fewer, and settles on the quicker number. Not thread-safe. */
class ThreadGovernor {
public:
    /** Returns how many processors were idle on average since the last call. Negative: unknown. */
    using IdleProcessors = std::function<double()>;

    /** @param most the threads when nothing else runs; 1 or more */
    ThreadGovernor(int most, IdleProcessors idleProcessors);

    /** How many threads the next step takes. */
    int next() const { return counts[isTrying ? tried : level]; }
    /**
     * Tells how long the step took that `next` was asked for.
     *
     * @param time in any unit
     * @param tokens how many it evaluated: only steps of as many are compared
     */
    void took(double time, int tokens);

private:
    /** From all threads down to one, each half of the one before. */
    std::vector<int> counts;
    IdleProcessors idleProcessors;
    /** The settled place in `counts`. */
    size_t level = 0;
    /** The place that is tried out, while `isTrying`. */
    size_t tried = 0;
    bool isTrying = false;
    /** Tried steps that were quicker. */
    int quicker = 0;
    /** Tokens of the steps that are compared. */
    int tokens = 0;
    /** What steps on this level take: over many steps without the slow ones, and over the last few. 0: unknown. */
    double usual = 0;
    double recent = 0;
    /** Slow steps, one after the other. */
    int slow = 0;
    int untilTrial;
    /** Steps between trials of more threads. */
    int pause;
    int stepsSinceRise = 0;

    bool isHighest() const { return level == 0; }
    bool isLowest() const { return level + 1 == counts.size(); }
    void judgeTrial(double time);
    void tryOut(size_t place);
    void tryAgainLater();
};
