#pragma once
#include <stdexcept>
#include <string>

/** An error that has a `code` in JavaScript. */
class CodedError : public std::runtime_error {
public:
    const char * const code;

    CodedError(const char * code, const std::string & message) : std::runtime_error(message), code(code) {}
};
