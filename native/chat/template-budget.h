// Bounds what a template may take. It is a program of whoever made the model, and llama.cpp's interpreter has no limits.
#pragma once
#include <ctime>
#include <optional>

#include "coded-error.h"
#include "jinja/runtime.h"

/** A template exceeds a limit. */
struct TemplateLimit : CodedError {
    /** Whether it is that of its time. */
    const bool isTime;

    explicit TemplateLimit(const char * reason, bool isTime = false) : CodedError("template_limit", reason), isTime(isTime) {}
};

/** While it lives, templates with checkpoints end when they exceed a limit. For one thread, not nested. */
class TemplateBudget {
public:
    /** @param seconds of the processor */
    explicit TemplateBudget(double seconds);
    ~TemplateBudget();
    TemplateBudget(const TemplateBudget &) = delete;

    /** Looks at what was taken so far. @throws TemplateLimit when that exceeds a limit */
    void check();
    /** Throws this, and from now on at each check. */
    [[noreturn]] void exceed(const TemplateLimit & limit);

    /** The seconds of the processor that a conversation of so many messages and tools may take. */
    static double secondsOf(size_t parts);

    /** Calls a function within a budget. What it throws is a TemplateLimit when a limit was exceeded. */
    template <typename Function> static auto spend(double seconds, Function function) {
        TemplateBudget budget(seconds);
        try {
            auto result = function();
            budget.check();
            return result;
        } catch (...) {
            budget.check();
            throw;
        }
    }

private:
    const double mostSeconds;
    const timespec startedAt;
    const size_t startBytes;
    const char * const stack;
    /** The processor time at which memory is read next. To read it takes ten microseconds. */
    double nextReading;
    /** Remembered: llama.cpp catches some of what templates throw. */
    std::optional<TemplateLimit> exceeded;
};

/**
 * llama.cpp parses, renders and frees a template by recursion.
 *
 * @throws TemplateLimit when the tokens are nested deeper than a stack has room for
 */
void assertShallow(const std::vector<jinja::token> & tokens);

/**
 * Adds checkpoints to a template: to the bodies of its loops, macros and calls, to what it passes to functions and multiplies texts by,
 * and to values whose parts llama.cpp walks over. All else that it does is as long as its source. Values are written as Python does.
 */
void addCheckpoints(const jinja::program & program);
