// A value that some thread leaves for another one, which looks for it when that suits it.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <utility>

namespace spanflow {

// post() may be called by any thread, take() by one. What has not been taken is replaced by what is posted next.
template <typename T>
class Mailbox {
 public:
  void post(T value) {
    const std::lock_guard lock(mutex_);
    value_ = std::move(value);
    full_.store(true, std::memory_order_release);
  }

  // One load as long as there is nothing.
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
