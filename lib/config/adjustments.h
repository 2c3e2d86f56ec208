// What changes for the workers of a run while their flows live on.
#pragma once

#include <memory>
#include <string>

#include "base/units.h"

namespace spanflow {

class Filter;

struct Adjustments {
  Nanoseconds active_timeout;
  Nanoseconds inactive_timeout;
  Nanoseconds tcp_linger;
  Nanoseconds max_delay;
  std::string filter;
  std::shared_ptr<const Filter> ethernet_filter;  // the same, compiled: that may take longer than packets wait
};

}  // namespace spanflow
