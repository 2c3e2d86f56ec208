// The equations that the counters of a run always satisfy, see docs/counters.md.
#pragma once

#include <string_view>

#include "telemetry/counters.h"

namespace spanflow::testing {

inline std::uint64_t sum_of(const Counters& counters, std::string_view prefix) {
  std::uint64_t sum = 0;
  for (const CounterInfo& each : kCounters) {
    if (each.name.starts_with(prefix)) sum += counters.get(each.id);
  }
  return sum;
}

// Packets received = metered + ignored + malformed.
inline bool packets_balance(const Counters& counters) {
  return counters.get(Counter::kPacketsReceived) == counters.get(Counter::kPacketsMetered) +
                                                        sum_of(counters, "packets.ignored.") +
                                                        sum_of(counters, "packets.malformed.");
}

// Flows opened = flows open + flows exported for any reason, and records exported = flows exported.
inline bool flows_balance(const Counters& counters) {
  const std::uint64_t exported = sum_of(counters, "flows.exported.");
  return counters.get(Counter::kFlowsOpened) == counters.get(Counter::kFlowsOpen) + exported &&
         counters.get(Counter::kRecordsExported) == exported;
}

}  // namespace spanflow::testing
