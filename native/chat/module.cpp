#include "chat-parser.h"
#include "chat-templates.h"
#include "log.h"

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
    // llama.cpp would log the texts that it cannot parse.
    common_log_set_verbosity_thold(-1);
    exports.Set("ChatTemplates", ChatTemplates::define(env));
    exports.Set("ChatParser", ChatParser::define(env));
    return exports;
}

NODE_API_MODULE(chat, initialise)
