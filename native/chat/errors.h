// Exceptions of llama.cpp as errors of JavaScript.
#pragma once
#include <exception>

#include "coded-error.h"
#include "napi.h"

/** Calls a function, and throws its exceptions as JavaScript's errors with the same messages. A CodedError has its code. */
template <typename Function> auto toErrors(Napi::Env env, Function function) -> decltype(function()) {
    try {
        return function();
    } catch (const Napi::Error &) {
        throw;
    } catch (const CodedError & error) {
        auto coded = Napi::Error::New(env, error.what());
        coded.Set("code", error.code);
        throw coded;
    } catch (const std::exception & error) {
        throw Napi::Error::New(env, error.what());
    } catch (...) {
        throw Napi::Error::New(env, "llama.cpp failed for an unknown reason.");
    }
}
