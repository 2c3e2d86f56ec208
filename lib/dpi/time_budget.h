// Finds packets on which nDPI spends too much time.
#pragma once

#include <cstdint>

#include "base/units.h"

namespace spanflow {

// One object per worker, used by its thread alone. Two reads of the coarse clock per packet, a few ns each, find the
// packets that took long. The CPU time of the thread then tells whether nDPI took the time, or other threads did, so
// that the results of a capture file do not depend on what else runs on the machine.
class TimeBudget {
 public:
  // 0: no limit
  explicit TimeBudget(Nanoseconds budget) : budget_(budget) {}

  // Call it before nDPI reads a packet.
  void begin();
  // Call it after. Returns true if the packet took more CPU time than the budget; the measurement includes up to one
  // tick of the coarse clock (4 ms or less) before begin().
  bool exceeded() const;

 private:
  const Nanoseconds budget_;
  Nanoseconds begin_{0};
  Nanoseconds cpu_{0};  // CPU time of the thread at the beginning of the tick with begin_
};

}  // namespace spanflow
