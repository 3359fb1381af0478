// Bounds what a template may take. It is a program of whoever made the model, and llama.cpp's interpreter has no limits.
#pragma once
#include <ctime>
#include <stdexcept>

#include "jinja/runtime.h"

/** A template exceeds a limit. */
struct TemplateLimit : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/** While it lives, templates with checkpoints end when they exceed a limit. For one thread, not nested. */
class TemplateBudget {
public:
    /** @param messages how many are rendered */
    explicit TemplateBudget(size_t messages);
    ~TemplateBudget();
    TemplateBudget(const TemplateBudget &) = delete;

    /** Looks at what was taken so far. @throws TemplateLimit when that exceeds a limit */
    void check();
    /** @throws TemplateLimit with this reason, and from now on at each check */
    [[noreturn]] void exceed(const char * limit);

    /** Calls a function within a budget. What it throws is a TemplateLimit when a limit was exceeded. */
    template <typename Function> static auto spend(size_t messages, Function function) {
        TemplateBudget budget(messages);
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
    const char * exceeded = nullptr;
};

/**
 * llama.cpp parses, renders and frees a template by recursion.
 *
 * @throws TemplateLimit when the tokens are nested deeper than a stack has room for
 */
void assertShallow(const std::vector<jinja::token> & tokens);

/**
 * Adds checkpoints to a template: to the bodies of its loops, macros and calls, and to what it passes to functions and multiplies
 * texts by. All else that it does is as long as its source.
 */
void addCheckpoints(const jinja::program & program);
