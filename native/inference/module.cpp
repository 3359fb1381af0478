#include "grammar.h"
#include "inference.h"
#include "loading.h"
#include "model-settings.h"
#include "sampler.h"
#include "token-loop.h"
#include "token-pieces.h"
#include "tokenize.h"

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
    exports.Set("Inference", Inference::define(env));
    exports.Set("Sampler", Sampler::define(env));
    exports.Set("Grammar", Grammar::define(env));
    exports.Set("TokenPieces", TokenPiecesHandle::define(env));
    exports.Set("TokenLoop", TokenLoop::define(env));
    exports.Set("tokenize", Napi::Function::New(env, tokenizeAside));
    exports.Set("loadProcessorLibrary", Napi::Function::New(env, loadProcessorLibrary));
    exports.Set("loadModel", Napi::Function::New(env, loadModel));
    exports.Set("createContext", Napi::Function::New(env, createContext));
    exports.Set("setRepack", Napi::Function::New(env, setRepack));
    exports.Set("shareCells", Napi::Function::New(env, shareCells));
    exports.Set("listProcessorFeatures", Napi::Function::New(env, listProcessorFeatures));
    return exports;
}

NODE_API_MODULE(inference, initialise)
