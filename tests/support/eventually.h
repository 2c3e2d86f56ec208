// Waits until another thread makes a condition true. Without the limit of 20 s, a test of faulty code would hang.
#pragma once

#include <chrono>
#include <thread>

namespace spanflow::testing {

// Returns false if the condition is still false after 20 s.
template <typename Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 20'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return false;
}

}  // namespace spanflow::testing
