#include "idle-processors.h"

#include <fstream>
#include <string>
#include <unistd.h>

namespace {

/**
 * The ticks without work, those of waiting for a disk included. Negative: unknown.
 * https://docs.kernel.org/filesystems/proc.html#miscellaneous-kernel-statistics-in-proc-stat
 */
long long readIdleTicks() {
    std::ifstream file("/proc/stat");
    std::string name;
    long long user, nice, system, idle, waiting;
    if (!(file >> name >> user >> nice >> system >> idle >> waiting) || name != "cpu") return -1;
    return idle + waiting;
}

} // namespace

double IdleProcessors::operator()() {
    const long long idle = readIdleTicks();
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::duration<double> elapsed = now - before;
    const bool isKnown = idle >= 0 && idleBefore >= 0 && elapsed.count() > 0;
    const double count = isKnown ? (idle - idleBefore) / (elapsed.count() * sysconf(_SC_CLK_TCK)) : -1;
    before = now;
    idleBefore = idle;
    return count;
}
