#include "base/steady_time.h"

#include <chrono>
#include <limits>

namespace spanflow {
namespace {

template <typename Clock>
std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
}

// Reads both clocks several times and uses the reading that took the shortest time. An interruption makes a reading
// take longer and be inaccurate.
std::int64_t wall_minus_steady_ns() {
  constexpr int kReadings = 4;
  std::int64_t difference = 0;
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (int i = 0; i < kReadings; ++i) {
    const std::int64_t before = now_ns<std::chrono::steady_clock>();
    const std::int64_t wall = now_ns<std::chrono::system_clock>();
    const std::int64_t taken = now_ns<std::chrono::steady_clock>() - before;
    if (taken >= least) continue;
    least = taken;
    difference = wall - before - taken / 2;
  }
  return difference;
}

std::int64_t first_difference() {
  static const std::int64_t difference = wall_minus_steady_ns();
  return difference;
}

}  // namespace

std::uint64_t steady_time_ns() {
  return static_cast<std::uint64_t>(now_ns<std::chrono::steady_clock>() + first_difference());
}

std::int64_t wall_clock_lead_ns() {
  const std::int64_t first = first_difference();
  return wall_minus_steady_ns() - first;
}

}  // namespace spanflow
