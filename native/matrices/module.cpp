// The module itself. It depends on no library of llama.cpp, because what it depends on becomes global as well.
#include <node_api.h>

#include "sgemm.h"

namespace {

napi_value count(napi_env env, napi_callback_info) {
    napi_value number = nullptr;
    napi_create_int64(env, countProducts(), &number);
    return number;
}

} // namespace

NAPI_MODULE_INIT() {
    napi_value function = nullptr;
    napi_create_function(env, "countProducts", NAPI_AUTO_LENGTH, count, nullptr, &function);
    napi_set_named_property(env, exports, "countProducts", function);
    return exports;
}
