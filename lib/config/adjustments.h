// The settings that a reload of the configuration changes in running workers.
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
  std::string filter;  // pcap-filter expression; empty: no filter
  // `filter` for Ethernet. It is compiled before a worker gets it, because compiling in the worker would delay packets.
  std::shared_ptr<const Filter> ethernet_filter;
};

}  // namespace spanflow
