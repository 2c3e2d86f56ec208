// Waiting for another thread. The bound is only there so that a broken build fails instead of hanging.
#pragma once

#include <chrono>
#include <thread>

namespace spanflow::testing {

template <typename Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 20'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return false;
}

}  // namespace spanflow::testing
