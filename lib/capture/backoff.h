// Decides how a polling thread waits while there is nothing to do.
#pragma once

#include <chrono>
#include <cstdint>

namespace spanflow {

// Packets come in bursts, so the first waits are pause instructions. Later waits are sleeps. Each sleep is twice as
// long as the sleep before it, up to `longest_sleep`. `longest_sleep` must be shorter than the time in which the polled
// queue fills up. Used by one thread.
class Backoff {
 public:
  using Microseconds = std::chrono::microseconds;

  struct Steps {
    std::uint32_t pauses = 256;  // number of pause instructions before the first sleep; 256 last about 10 us
    Microseconds first_sleep{20};
    Microseconds longest_sleep{0};  // 0: the thread never sleeps, because it has its own CPU
  };

  explicit Backoff(const Steps& steps) : steps_(steps), next_sleep_(steps.first_sleep) {}

  // Call this when work has arrived. The waits then start again from the beginning.
  void reset() {
    pauses_ = 0;
    next_sleep_ = steps_.first_sleep;
  }
  // Call this when no work has arrived. Waits for the time that next() returns.
  void wait();
  // Returns the length of the next wait. Each call moves on by one wait. 0 means one pause instruction.
  Microseconds next();

 private:
  Steps steps_;
  std::uint32_t pauses_ = 0;  // number of pauses since reset()
  Microseconds next_sleep_;
};

}  // namespace spanflow
