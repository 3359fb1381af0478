#pragma once

#include "napi.h"

/** (paths): loads the first of llama.cpp's libraries for processors that this one can run. Returns whether there is one. */
Napi::Value loadProcessorLibrary(const Napi::CallbackInfo & info);

/** (model): loads it. Resolves with whether llama.cpp takes it. */
Napi::Value loadModel(const Napi::CallbackInfo & info);

/** (context): creates it for a model that is loaded. Resolves with whether llama.cpp can. */
Napi::Value createContext(const Napi::CallbackInfo & info);
