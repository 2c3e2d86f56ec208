// How a thread that polls waits while it finds nothing.
#pragma once

#include <chrono>
#include <cstdint>

namespace spanflow {

// Pauses of the processor first, as packets come in bursts; then sleeps, each twice as long as the one before. The
// longest has to be shorter than what fills the queue that is polled. One thread.
class Backoff {
 public:
  using Microseconds = std::chrono::microseconds;

  struct Steps {
    std::uint32_t pauses = 256;  // some 10 us
    Microseconds first_sleep{20};
    Microseconds longest_sleep{0};  // 0: pauses only, for a thread that has its CPU for itself
  };

  explicit Backoff(const Steps& steps) : steps_(steps), next_sleep_(steps.first_sleep) {}

  // Something has come.
  void reset() {
    pauses_ = 0;
    next_sleep_ = steps_.first_sleep;
  }
  // Nothing has: waits for next().
  void wait();
  // How long to wait this time; 0 is a pause.
  Microseconds next();

 private:
  Steps steps_;
  std::uint32_t pauses_ = 0;  // since something came
  Microseconds next_sleep_;
};

}  // namespace spanflow
