// Exceptions of llama.cpp as errors of JavaScript.
#pragma once
#include <exception>

#include "napi.h"
#include "template-budget.h"

/** Calls a function, and throws its exceptions as JavaScript's errors with the same messages. A TemplateLimit has a code. */
template <typename Function> auto toErrors(Napi::Env env, Function function) -> decltype(function()) {
    try {
        return function();
    } catch (const Napi::Error &) {
        throw;
    } catch (const TemplateLimit & error) {
        auto limit = Napi::Error::New(env, error.what());
        limit.Set("code", "template_limit");
        throw limit;
    } catch (const std::exception & error) {
        throw Napi::Error::New(env, error.what());
    } catch (...) {
        throw Napi::Error::New(env, "llama.cpp failed for an unknown reason.");
    }
}
