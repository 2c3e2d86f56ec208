// Keeps a log readable in which one message comes again and again.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>

#include "telemetry/log_writer.h"

namespace spanflow {

// What was written less than kFoldingTime ago, level and text the same, is only counted; when that time is over, one
// entry says how often it came. Remembers kRemembered messages; the oldest makes room, and is told of before. Not
// thread-safe.
class Folding : public LogWriter {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kRemembered = 64;

  explicit Folding(std::shared_ptr<LogWriter> to, std::function<Clock::time_point()> now = Clock::now);

  void write(const LogEntry& entry) override;
  // Tells of the messages whose time is over.
  void flush() override;
  // Tells of all.
  void finish();

 private:
  struct Message {
    Clock::time_point written;
    LogEntry last;
  };

  void forget_oldest();

  const std::shared_ptr<LogWriter> to_;
  const std::function<Clock::time_point()> now_;
  std::deque<Message> messages_;  // in the order in which they were written
};

}  // namespace spanflow
