// The settings that a reload changes in running workers.
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
  std::shared_ptr<const Filter> ethernet_filter;  // `filter`, compiled ahead, because compiling would delay packets
};

}  // namespace spanflow
