// What a call that should fail says.
#pragma once

#include <string>

#include "base/error.h"

namespace spanflow::testing {

// Of the RunError that it throws.
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
