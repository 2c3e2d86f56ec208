// Packets that a port received and lost.
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
};

// Returns a pair for each kind of loss: the run's counter, and the number of packets that this port lost.
inline auto losses_of(const PortCounts& port) {
  return std::array{std::pair{Counter::kPacketsNicMissed, port.nic_missed},
                    std::pair{Counter::kPacketsNoMbuf, port.no_mbuf},
                    std::pair{Counter::kPacketsKernelDropped, port.kernel_dropped}};
}

// True if the ports count this kind of loss, so that `counter` is the sum over all ports.
inline bool is_of_ports(Counter counter) {
  return std::ranges::any_of(losses_of({}), [counter](const auto& loss) { return loss.first == counter; });
}

}  // namespace spanflow
