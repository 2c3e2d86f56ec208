// Folds repeated log messages into one line with the number of repetitions.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>

#include "telemetry/log_writer.h"

namespace spanflow {

// Writes the first entry of a message (level and text) at once. Then counts the repetitions of this message for
// kFoldingTime. If there were repetitions, writes one entry with their number. Remembers at most kRemembered messages:
// a new message replaces the oldest one, after the repetitions of the oldest one have been reported. Not thread-safe.
class Folding : public LogWriter {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kRemembered = 64;

  explicit Folding(std::shared_ptr<LogWriter> to, std::function<Clock::time_point()> now = Clock::now);

  void write(const LogEntry& entry) override;
  // Reports the repetitions of the messages whose kFoldingTime has passed, and forgets these messages.
  void flush() override;
  // Reports the repetitions of all messages, and forgets all messages.
  void finish();

 private:
  struct Message {
    Clock::time_point written;
    LogEntry last;
  };

  void forget_oldest();

  const std::shared_ptr<LogWriter> to_;
  const std::function<Clock::time_point()> now_;
  std::deque<Message> messages_;  // in the order in which the messages were written
};

}  // namespace spanflow
