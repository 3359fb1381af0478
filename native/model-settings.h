// What node-llama-cpp's module neither tells nor lets anyone choose.
#pragma once

#include "AddonModel.h"
#include "ggml-backend.h"
#include "napi.h"

namespace modelSettings {

/** (model, boolean): whether llama.cpp copies weights in the processor's own layout. Before the model is loaded. */
inline void setRepack(const Napi::CallbackInfo & info) {
    auto * model = Napi::ObjectWrap<AddonModel>::Unwrap(info[0].As<Napi::Object>());
    model->model_params.use_extra_bufts = info[1].As<Napi::Boolean>();
}

/** The features that the backend for this processor was compiled with, by ggml's names, such as "AVX2". */
inline Napi::Value processorFeatures(const Napi::CallbackInfo & info) {
    Napi::Array names = Napi::Array::New(info.Env());
    ggml_backend_reg_t backend = ggml_backend_dev_backend_reg(ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU));
    auto * list = reinterpret_cast<ggml_backend_get_features_t>(
        ggml_backend_reg_get_proc_address(backend, "ggml_backend_get_features"));
    if (list == nullptr) throw Napi::Error::New(info.Env(), "The backend does not tell its features.");
    for (const ggml_backend_feature * feature = list(backend); feature->name != nullptr; feature++)
        names.Set(names.Length(), feature->name);
    return names;
}

} // namespace modelSettings
