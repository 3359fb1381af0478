// Loads what the other module's objects stand for. That module would tell V8 how much memory they take, and V8 then collects its
// own garbage before a start goes on: 10 ms for nothing.
#include "loading.h"

#include <dlfcn.h>

#include "AddonContext.h"
#include "AddonModel.h"
#include "ggml-backend.h"
#include "work-thread.h"

namespace {

/** Does something to a native object on the thread beside the inference thread. */
template <typename Addon> Napi::Value prepare(const Napi::CallbackInfo & info, bool (*load)(Addon &)) {
    auto object = info[0].As<Napi::Object>();
    auto * addon = Napi::ObjectWrap<Addon>::Unwrap(object);
    std::vector<Napi::ObjectReference> kept;
    kept.push_back(Napi::Persistent(object));
    return WorkThread::preparation(info.Env()).run(info.Env(), std::move(kept), [=]() -> WorkThread::Result {
        return [isLoaded = load(*addon)](Napi::Env env) { return Napi::Boolean::New(env, isLoaded); };
    });
}

bool isLoaded(const std::string & path) {
    void * library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return false;
    auto * score = reinterpret_cast<int (*)()>(dlsym(library, "ggml_backend_score"));
    const bool isSuitable = score != nullptr && score() > 0 && ggml_backend_load(path.c_str()) != nullptr;
    dlclose(library);
    return isSuitable;
}

} // namespace

Napi::Value loadProcessorLibrary(const Napi::CallbackInfo & info) {
    const auto paths = info[0].As<Napi::Array>();
    for (uint32_t index = 0; index < paths.Length(); index++) {
        if (isLoaded(paths.Get(index).As<Napi::String>())) return Napi::Boolean::New(info.Env(), true);
    }
    return Napi::Boolean::New(info.Env(), false);
}

Napi::Value loadModel(const Napi::CallbackInfo & info) {
    return prepare<AddonModel>(info, [](AddonModel & addon) {
        addon.model = llama_model_load_from_file(addon.modelPath.c_str(), addon.model_params);
        addon.modelLoaded = addon.model != nullptr;
        if (addon.modelLoaded) addon.vocab = llama_model_get_vocab(addon.model);
        return addon.modelLoaded;
    });
}

Napi::Value createContext(const Napi::CallbackInfo & info) {
    return prepare<AddonContext>(info, [](AddonContext & addon) {
        addon.ctx = llama_init_from_model(addon.model->model, addon.context_params);
        addon.contextLoaded = addon.ctx != nullptr;
        return addon.contextLoaded;
    });
}
