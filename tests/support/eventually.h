// Waits until another thread makes a condition true. The limit of 20 s lets a broken build fail instead of hang.
#pragma once

#include <chrono>
#include <thread>

namespace spanflow::testing {

// False if the condition is still not true after the limit.
template <typename Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 20'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return false;
}

}  // namespace spanflow::testing
