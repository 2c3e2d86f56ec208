// Applies a new configuration to a running capture.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace spanflow {

// Names of changed options.
struct Changes {
  std::vector<std::string> made;          // copied to the running configuration
  std::vector<std::string> need_restart;  // not copied, because they cannot change at runtime
};

// Copies the changed options of `wanted` that may change at runtime (Option::reloads) to `running`.
Changes take_over(const Config& wanted, Config& running);

}  // namespace spanflow
