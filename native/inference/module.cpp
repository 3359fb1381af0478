#include "inference.h"
#include "token-loop.h"

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
    exports.Set("Inference", Inference::define(env));
    exports.Set("TokenLoop", TokenLoop::define(env));
    return exports;
}

NODE_API_MODULE(inference, initialise)
