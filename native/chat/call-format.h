// Formats of calls that llama.cpp does not know, or reads wrongly. src/chat/call-forms.ts describes them.
#pragma once
#include "chat.h"

struct CallFormat {
    common_chat_format format;
    common_peg_arena parser;
    std::string grammar;
};

/** @param json the forms of calls, the tools, and what the answer may be */
CallFormat buildCallFormat(const std::string & json);
