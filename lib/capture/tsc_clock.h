// Computes the steady time of base/steady_time.h from the processor's time stamp counter (TSC).
#pragma once

#include <rte_cycles.h>

#include <algorithm>
#include <cstdint>

#include "base/steady_time.h"
#include "base/units.h"

namespace spanflow {

// Reads the system's steady clock once a second. Between two readings, adds the time that the TSC measures. The result
// never goes back. EAL must be initialised, because EAL provides the frequency of the TSC. Used by one thread.
class TscClock {
 public:
  std::uint64_t now_ns() {
    const std::uint64_t cycles = rte_rdtsc();
    if (cycles - anchor_cycles_ >= hertz_) {
      anchor_cycles_ = cycles;
      anchor_ns_ = steady_time_ns();
    }
    const auto elapsed = static_cast<unsigned __int128>(cycles - anchor_cycles_) * kNanosecondsPerSecond / hertz_;
    last_ns_ = std::max(last_ns_, anchor_ns_ + static_cast<std::uint64_t>(elapsed));
    return last_ns_;
  }

 private:
  std::uint64_t hertz_ = rte_get_tsc_hz();
  std::uint64_t anchor_cycles_ = rte_rdtsc();
  std::uint64_t anchor_ns_ = steady_time_ns();
  std::uint64_t last_ns_ = 0;
};

}  // namespace spanflow
