#include "thread-governor.h"

#include <algorithm>
#include <utility>

namespace {

/** A step that takes so many times its usual tells of other work on the processors. */
constexpr double slowFactor = 2;
/** So many slow steps in a row are no accident. */
constexpr int slowSteps = 2;
/** Another number of threads is better when its steps take less than this part of the time. */
constexpr double clearlyLess = 0.9;
/** More threads have to be quicker so many times: a neighbour may rest for a moment. */
constexpr int proofsOfRest = 3;
/** Of a processor, for each thread more. */
constexpr double wantedRest = 0.7;
/** The first trial: a machine that is busy from the start has no usual time to compare with. */
constexpr int firstTrial = 2;
constexpr int shortestPause = 32;
constexpr int longestPause = 1024;
/** Steps between trials of fewer threads that no slow step calls for. */
constexpr int pauseBeforeFewer = 512;
/** More threads that do not last for so many steps were a mistake. */
constexpr int lastingSteps = 64;
constexpr double recentWeight = 0.4;
constexpr double usualWeight = 0.05;

double average(double before, double time, double weight) { return before + weight * (time - before); }

} // namespace

ThreadGovernor::ThreadGovernor(int most, IdleProcessors idleProcessors)
    : idleProcessors(std::move(idleProcessors)), untilTrial(firstTrial), pause(shortestPause) {
    for (int count = most; count > 1; count = (count + 1) / 2) counts.push_back(count);
    counts.push_back(1);
}

void ThreadGovernor::took(double time, int stepTokens) {
    if (counts.size() == 1) return;
    if (stepTokens != tokens || recent == 0) {
        tokens = stepTokens;
        usual = recent = isTrying ? 0 : time;
        isTrying = false;
        slow = 0;
        return;
    }
    if (isTrying) return judgeTrial(time);
    stepsSinceRise += 1;
    recent = average(recent, time, recentWeight);
    const bool isSlow = time > slowFactor * usual;
    slow = isSlow ? slow + 1 : 0;
    if (!isSlow) usual = average(usual, time, usualWeight);
    if (slow >= slowSteps && !isLowest()) return tryOut(level + 1);
    if (--untilTrial > 0) return;
    if (isHighest()) return tryOut(level + 1);
    untilTrial = pause;
    const double idle = idleProcessors();
    if (idle < 0 || idle >= wantedRest * (counts[level - 1] - counts[level])) tryOut(level - 1);
}

void ThreadGovernor::tryOut(size_t place) {
    isTrying = true;
    tried = place;
    quicker = 0;
    slow = 0;
}

void ThreadGovernor::judgeTrial(double time) {
    const bool isFewer = tried > level;
    if (time >= clearlyLess * recent) {
        isTrying = false;
        if (!isFewer) return tryAgainLater();
        // The steps are slow for another reason.
        usual = recent;
        untilTrial = isHighest() ? pauseBeforeFewer : pause;
        return;
    }
    quicker += 1;
    // Fewer threads wait less for each other, so one step is proof enough.
    if (!isFewer && quicker < proofsOfRest) return;
    if (isFewer && stepsSinceRise >= lastingSteps) pause = shortestPause;
    level = tried;
    isTrying = false;
    usual = recent = time;
    if (isFewer) tryAgainLater();
    else {
        stepsSinceRise = 0;
        untilTrial = pauseBeforeFewer;
    }
}

void ThreadGovernor::tryAgainLater() {
    untilTrial = pause;
    pause = std::min(2 * pause, longestPause);
}
