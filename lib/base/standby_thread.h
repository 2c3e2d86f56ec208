// A thread that is made early and works later.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "base/thread.h"

namespace spanflow {

// The threads of a run are made before the run begins: if the system refuses one of them, no other thread waits for its
// work. The threads for the end of a run are made early too, because the system may refuse a thread then.
class StandbyThread {
 public:
  // Throws RunError if the system refuses a new thread.
  StandbyThread(std::string name, std::function<void()> work)
      : thread_(start_thread(std::move(name), [this, work = std::move(work)] {
          if (!wait_for_begin()) return;
          work();
          const std::lock_guard lock(mutex_);
          state_ = State::kDone;
          changed_.notify_all();
        })) {}
  // If the work has begun, waits for its end.
  ~StandbyThread() { join(); }

  // Starts the work, once.
  void begin() {
    const std::lock_guard lock(mutex_);
    if (state_ == State::kWaiting) state_ = State::kWorking;
    changed_.notify_all();
  }

  // Returns true if the work is done.
  bool wait_for(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, time, [this] { return state_ == State::kDone; });
  }

  // Waits for the end of the work if it has begun. After that, begin() has no effect.
  void join() {
    {
      const std::lock_guard lock(mutex_);
      if (state_ == State::kWaiting) state_ = State::kGivenUp;
      changed_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
  }

  std::thread::native_handle_type native_handle() { return thread_.native_handle(); }

 private:
  enum class State : unsigned char { kWaiting, kWorking, kDone, kGivenUp };

  bool wait_for_begin() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return state_ != State::kWaiting; });
    return state_ == State::kWorking;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::kWaiting;
  std::thread thread_;  // last, because it uses the other members
};

}  // namespace spanflow
