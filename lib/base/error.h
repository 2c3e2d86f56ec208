// The two exceptions that end a run. what() is a one-line message for the user, whatever names, paths and texts of
// other libraries it contains.
#pragma once

#include <stdexcept>
#include <string_view>

#include "base/utf8.h"

namespace spanflow {

// The command line or the configuration is wrong: exit code 2.
struct ConfigError : std::runtime_error {
  explicit ConfigError(std::string_view message) : std::runtime_error(clean_line(message)) {}
};

// An input cannot be read or a target cannot be written: exit code 1.
struct RunError : std::runtime_error {
  explicit RunError(std::string_view message) : std::runtime_error(clean_line(message)) {}
};

}  // namespace spanflow
