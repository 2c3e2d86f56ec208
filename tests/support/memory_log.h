// A LogWriter that keeps the log entries, so that a test can read them.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "telemetry/log_writer.h"

namespace spanflow::testing {

// Thread-safe.
class MemoryLog : public LogWriter {
 public:
  void write(const LogEntry& entry) override {
    const std::lock_guard lock(mutex_);
    lines_.push_back(in_words(entry));
    entries_.push_back(entry);
  }
  std::vector<LogEntry> entries() const {
    const std::lock_guard lock(mutex_);
    return entries_;
  }
  // Returns the entries as text.
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<LogEntry> entries_;
  std::vector<std::string> lines_;
};

}  // namespace spanflow::testing
