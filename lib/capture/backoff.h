// How a polling thread waits while there is nothing to do.
#pragma once

#include <chrono>
#include <cstdint>

namespace spanflow {

// First pauses of the processor, because packets come in bursts; then sleeps, each twice as long as the one before. The
// longest sleep must be shorter than the time in which the polled queue fills up. Used by one thread.
class Backoff {
 public:
  using Microseconds = std::chrono::microseconds;

  struct Steps {
    std::uint32_t pauses = 256;  // some 10 us
    Microseconds first_sleep{20};
    Microseconds longest_sleep{0};  // 0: pauses only, for a thread that has its own CPU
  };

  explicit Backoff(const Steps& steps) : steps_(steps), next_sleep_(steps.first_sleep) {}

  // Work has arrived: starts again with pauses.
  void reset() {
    pauses_ = 0;
    next_sleep_ = steps_.first_sleep;
  }
  // No work has arrived: waits for next().
  void wait();
  // How long to wait this time; 0 is a pause.
  Microseconds next();

 private:
  Steps steps_;
  std::uint32_t pauses_ = 0;  // since something came
  Microseconds next_sleep_;
};

}  // namespace spanflow
