#include "capture/nic_clock.h"

#include <rte_ethdev.h>

#include <chrono>
#include <limits>

namespace spanflow {
namespace {

std::uint64_t wall_clock_ns() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count());
}

}  // namespace

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
    const std::uint64_t before = wall_clock_ns();
    if (rte_eth_read_clock(port, &ticks) != 0) return std::nullopt;
    const std::uint64_t taken = wall_clock_ns() - before;
    if (taken >= least) continue;
    least = taken;
    best = {.ticks = ticks, .wall_ns = before + taken / 2};
  }
  return best;
}

}  // namespace spanflow
