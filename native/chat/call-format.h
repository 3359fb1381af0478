// Formats of calls that llama.cpp does not know, or reads wrongly. src/chat/call-forms.ts describes them.
#pragma once
#include "napi.h"

/**
 * (inputs): JSON of the forms of calls, the tools, and what the answer may be. Gives JSON: the number of the format and the parser,
 * for ChatParser, and the grammar.
 */
Napi::Value buildCallFormat(const Napi::CallbackInfo & info);
