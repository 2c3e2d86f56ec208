// Holds the latest value that one thread sends to another, which polls for it.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <utility>

namespace spanflow {

// Any thread may call post(); only one thread may call take(). post() replaces a value that has not been taken.
template <typename T>
class Mailbox {
 public:
  void post(T value) {
    const std::lock_guard lock(mutex_);
    value_ = std::move(value);
    full_.store(true, std::memory_order_release);
  }

  // Costs a single load if there is no value.
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
