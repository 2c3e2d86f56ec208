// Uses the processor's time stamp counter (TSC) to measure how long a worker's loop has been busy.
#pragma once

#include <rte_cycles.h>

#include <cstdint>

#include "base/units.h"

namespace spanflow {

inline std::uint64_t tsc_now() { return rte_rdtsc(); }
// Returns 0 before EAL is initialised.
inline std::uint64_t tsc_hertz() { return rte_get_tsc_hz(); }

// `hertz` and `now` are the frequency and the value of the TSC. If `hertz` is 0, ns() is always 0. Used by one thread.
class BusyTime {
 public:
  BusyTime(std::uint64_t hertz, std::uint64_t now)
      : ns_per_cycle_(hertz == 0 ? 0 : (kNanosecondsPerSecond << kFraction) / hertz), pass_began_(now) {}

  // Ends a pass of the loop. The pass began when the previous pass ended. This pass counts as busy if `was_busy`.
  void end_pass(std::uint64_t now, bool was_busy) {
    if (was_busy) cycles_ += now - pass_began_;
    pass_began_ = now;
  }

  std::uint64_t ns() const {
    return static_cast<std::uint64_t>(static_cast<unsigned __int128>(cycles_) * ns_per_cycle_ >> kFraction);
  }

 private:
  static constexpr int kFraction = 32;  // number of fraction bits of ns_per_cycle_

  const std::uint64_t ns_per_cycle_;
  std::uint64_t pass_began_;
  std::uint64_t cycles_ = 0;
};

}  // namespace spanflow
