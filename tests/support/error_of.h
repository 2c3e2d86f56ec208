// The error message of a call that a test expects to fail.
#pragma once

#include <string>

#include "base/error.h"

namespace spanflow::testing {

// Returns the message of the RunError that `call` throws, or "no error" if it throws none.
template <typename Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const RunError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace spanflow::testing
