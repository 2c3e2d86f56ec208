// Computes wall-clock time from the processor's time stamp counter (TSC).
#pragma once

#include <rte_cycles.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/units.h"

namespace spanflow {

// Reads the system's clock once a second. Between two readings, adds the time that the TSC measures. The result never
// goes back. EAL must be initialised, because EAL provides the frequency of the TSC. Used by one thread.
class TscClock {
 public:
  std::uint64_t now_ns() {
    const std::uint64_t cycles = rte_rdtsc();
    if (cycles - anchor_cycles_ >= hertz_) {
      anchor_cycles_ = cycles;
      anchor_ns_ = wall_clock_ns();
    }
    const auto elapsed = static_cast<unsigned __int128>(cycles - anchor_cycles_) * kNanosecondsPerSecond / hertz_;
    last_ns_ = std::max(last_ns_, anchor_ns_ + static_cast<std::uint64_t>(elapsed));
    return last_ns_;
  }

 private:
  static std::uint64_t wall_clock_ns() {
    const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count());
  }

  std::uint64_t hertz_ = rte_get_tsc_hz();
  std::uint64_t anchor_cycles_ = rte_rdtsc();
  std::uint64_t anchor_ns_ = wall_clock_ns();
  std::uint64_t last_ns_ = 0;
};

}  // namespace spanflow
