// Messages of threads that handle packets. These threads do not log, because logging may block. They add notes, and the
// owner of the Pipeline logs the notes.
#pragma once

#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace spanflow {

// Thread-safe. Add a note for an event of an input, never for each packet.
class Notes {
 public:
  void add(std::string note) {
    const std::lock_guard lock(mutex_);
    notes_.push_back(std::move(note));
  }
  // Returns the notes added since the last call.
  std::vector<std::string> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(notes_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> notes_;
};

}  // namespace spanflow
