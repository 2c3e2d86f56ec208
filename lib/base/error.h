// The two exceptions that end a run. what() is a one-line message for the user.
#pragma once

#include <stdexcept>

namespace spanflow {

// The command line or the configuration is wrong: exit code 2.
struct ConfigError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// An input cannot be read or a target cannot be written: exit code 1.
struct RunError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace spanflow
