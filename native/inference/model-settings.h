// What node-llama-cpp's module neither tells nor lets anyone choose.
#pragma once

#include "napi.h"

/** (model, boolean): whether llama.cpp repacks weights in the layout that suits the processor. Call it before the model is loaded. */
void setRepack(const Napi::CallbackInfo & info);

/** The features that the backend for this processor was compiled with, by ggml's names, such as "AVX2". */
Napi::Value listProcessorFeatures(const Napi::CallbackInfo & info);

/** (context): has its sequences share one pool of cells, so that they can share tokens. Call it before the context is created. */
void shareCells(const Napi::CallbackInfo & info);
