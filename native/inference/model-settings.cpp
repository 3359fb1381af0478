#include "model-settings.h"

#include "AddonContext.h"
#include "AddonModel.h"
#include "ggml-backend.h"

void setRepack(const Napi::CallbackInfo & info) {
    auto * model = Napi::ObjectWrap<AddonModel>::Unwrap(info[0].As<Napi::Object>());
    model->model_params.use_extra_bufts = info[1].As<Napi::Boolean>();
}

Napi::Value listProcessorFeatures(const Napi::CallbackInfo & info) {
    ggml_backend_reg_t backend = ggml_backend_dev_backend_reg(ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU));
    auto * getFeatures = reinterpret_cast<ggml_backend_get_features_t>(
        ggml_backend_reg_get_proc_address(backend, "ggml_backend_get_features"));
    if (getFeatures == nullptr) throw Napi::Error::New(info.Env(), "The backend does not list its features.");
    Napi::Array names = Napi::Array::New(info.Env());
    for (const ggml_backend_feature * feature = getFeatures(backend); feature->name != nullptr; feature++)
        names.Set(names.Length(), feature->name);
    return names;
}

void shareCells(const Napi::CallbackInfo & info) {
    Napi::ObjectWrap<AddonContext>::Unwrap(info[0].As<Napi::Object>())->context_params.kv_unified = true;
}
