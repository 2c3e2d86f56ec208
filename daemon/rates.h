// The rates of a run, which are computed from two summaries.
#pragma once

#include <string>

#include "pipeline/summary.h"

namespace spanflow {

// All values are per second.
struct Rates {
  double packets = 0;
  double octets = 0;
  double flows = 0;
  double records = 0;
  double lost_packets = 0;
};

Rates rates_between(const Summary& earlier, const Summary& later);

// Returns a text such as "1,204,331 packets/s (913 Mbit/s, 0 lost/s), 31,220 flows/s, 29,118 records/s"
std::string to_text(const Rates& rates);

}  // namespace spanflow
