// Decides how a polling thread waits while there is nothing to do.
#pragma once

#include <chrono>
#include <cstdint>

namespace spanflow {

// First executes pause instructions, because packets come in bursts; then sleeps, twice as long each time. The longest
// sleep must be shorter than the time in which the polled queue fills up. Used by one thread.
class Backoff {
 public:
  using Microseconds = std::chrono::microseconds;

  struct Steps {
    std::uint32_t pauses = 256;  // together they last about 10 us
    Microseconds first_sleep{20};
    Microseconds longest_sleep{0};  // 0: never sleeps, for a thread that has its own CPU
  };

  explicit Backoff(const Steps& steps) : steps_(steps), next_sleep_(steps.first_sleep) {}

  // To be called when work has arrived: the next wait is a pause again.
  void reset() {
    pauses_ = 0;
    next_sleep_ = steps_.first_sleep;
  }
  // To be called when no work has arrived: waits as long as next() says.
  void wait();
  // Returns how long to sleep this time; 0 means a pause instruction.
  Microseconds next();

 private:
  Steps steps_;
  std::uint32_t pauses_ = 0;  // pauses since reset()
  Microseconds next_sleep_;
};

}  // namespace spanflow
