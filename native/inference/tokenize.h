// Texts to tokens on the preparation thread: a long text takes a microsecond or two a character.
#pragma once
#include "napi.h"

/**
 * (tokenPieces, text, special, breakMark): resolves with the tokens, none of them added. `special`: whether those written out
 * count. The text is tokenized piece by piece between the marks, unless the mark is empty.
 */
Napi::Value tokenizeAside(const Napi::CallbackInfo & info);

/** (tokenPieces): the texts of the control tokens, as a list. */
Napi::Value listControlTokens(const Napi::CallbackInfo & info);
