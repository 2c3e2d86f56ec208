// A clock for live captures that shows the time of day but never steps.
#pragma once

#include <cstdint>

namespace spanflow {

// Returns the time in ns since the epoch: the wall clock at the first call of either function in this process, plus the
// steady time since then. NTP corrects the rate of this clock too, so it leaves the wall clock only when somebody sets
// the wall clock. Both functions are thread-safe.
std::uint64_t steady_time_ns();

// Returns how far the wall clock is ahead of steady_time_ns(), in ns.
std::int64_t wall_clock_lead_ns();

}  // namespace spanflow
