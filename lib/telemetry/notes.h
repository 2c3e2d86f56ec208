// What threads that touch packets have to say. They do not log; whoever runs the Pipeline logs it for them.
#pragma once

#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace spanflow {

// Thread-safe. A note is for what happens once to an input, never once to a packet.
class Notes {
 public:
  void add(std::string note) {
    const std::lock_guard lock(mutex_);
    notes_.push_back(std::move(note));
  }
  // What has come since the last call.
  std::vector<std::string> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(notes_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> notes_;
};

}  // namespace spanflow
