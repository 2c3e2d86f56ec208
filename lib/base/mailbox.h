// Holds the latest value that was sent to a thread, until this thread polls for it.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <utility>

namespace spanflow {

// Any thread may call post(); only one thread may call take(). If the last value has not been taken, post() replaces
// it.
template <typename T>
class Mailbox {
 public:
  void post(T value) {
    const std::lock_guard lock(mutex_);
    value_ = std::move(value);
    full_.store(true, std::memory_order_release);
  }

  // Returns the value, or nullopt if there is none. Without a value, the call costs a single load.
  std::optional<T> take() {
    if (!full_.load(std::memory_order_relaxed)) [[likely]]
      return std::nullopt;
    const std::lock_guard lock(mutex_);
    full_.store(false, std::memory_order_relaxed);
    return std::exchange(value_, std::nullopt);
  }

 private:
  std::atomic<bool> full_{false};
  std::mutex mutex_;
  std::optional<T> value_;
};

}  // namespace spanflow
