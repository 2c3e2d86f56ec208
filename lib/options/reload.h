// What a new configuration changes in a run that goes on.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace spanflow {

// Names of options.
struct Changes {
  std::vector<std::string> made;
  std::vector<std::string> need_restart;
};

// Gives `running` what of `wanted` may change while flows live on (Option::reloads).
Changes take_over(const Config& wanted, Config& running);

}  // namespace spanflow
