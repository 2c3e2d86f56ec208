// Packets that a port received, lost, and found errors in.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "telemetry/counters.h"

namespace spanflow {

// All counts are numbers of packets since the start of the run.
struct PortCounts {
  std::string name;  // name of the interface, or of the DPDK port
  bool is_up = true;
  std::uint64_t received = 0;
  std::uint64_t nic_missed = 0;      // dropped by the port because its queue was full
  std::uint64_t no_mbuf = 0;         // dropped because the buffer pool of the queue was empty
  std::uint64_t kernel_dropped = 0;  // dropped by the kernel because its packet ring was full
  std::uint64_t nic_errors = 0;      // frames in which the port found errors
};

// Returns a pair for each counter that is a sum over all ports: the counter, and the number of this port.
inline auto counters_of(const PortCounts& port) {
  return std::array{std::pair{Counter::kPacketsNicMissed, port.nic_missed},
                    std::pair{Counter::kPacketsNoMbuf, port.no_mbuf},
                    std::pair{Counter::kPacketsKernelDropped, port.kernel_dropped},
                    std::pair{Counter::kPacketsNicErrors, port.nic_errors}};
}

// True if `counter` is a sum over all ports.
inline bool is_of_ports(Counter counter) {
  return std::ranges::any_of(counters_of({}), [counter](const auto& one) { return one.first == counter; });
}

}  // namespace spanflow
