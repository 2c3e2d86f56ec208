// Packets that a port received and lost.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "telemetry/counters.h"

namespace spanflow {

// Packets since the start of the run.
struct PortCounts {
  std::string name;  // the interface's, or the DPDK port's
  std::uint64_t received = 0;
  std::uint64_t nic_missed = 0;
  std::uint64_t no_mbuf = 0;
  std::uint64_t kernel_dropped = 0;
};

// The run's counters for these losses.
inline auto losses_of(const PortCounts& port) {
  return std::array{std::pair{Counter::kPacketsNicMissed, port.nic_missed},
                    std::pair{Counter::kPacketsNoMbuf, port.no_mbuf},
                    std::pair{Counter::kPacketsKernelDropped, port.kernel_dropped}};
}

inline bool is_of_ports(Counter counter) {
  return std::ranges::any_of(losses_of({}), [counter](const auto& loss) { return loss.first == counter; });
}

}  // namespace spanflow
