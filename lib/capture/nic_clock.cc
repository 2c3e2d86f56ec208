#include "capture/nic_clock.h"

#include <rte_ethdev.h>

#include <limits>

#include "base/steady_time.h"

namespace spanflow {

bool has_readable_clock(std::uint16_t port) {
  std::uint64_t ticks = 0;
  return rte_eth_read_clock(port, &ticks) != -ENOTSUP;
}

// Reads the clock several times and returns the reading that took the shortest time. An interruption makes a reading
// take longer and be inaccurate.
std::optional<NicClock::Reading> read_nic_clock(std::uint16_t port) {
  constexpr int kReadings = 4;
  std::optional<NicClock::Reading> best;
  std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
  for (int i = 0; i < kReadings; ++i) {
    std::uint64_t ticks = 0;
    const std::uint64_t before = steady_time_ns();
    if (rte_eth_read_clock(port, &ticks) != 0) return std::nullopt;
    const std::uint64_t taken = steady_time_ns() - before;
    if (taken >= least) continue;
    least = taken;
    best = {.ticks = ticks, .steady_ns = before + taken / 2};
  }
  return best;
}

}  // namespace spanflow
