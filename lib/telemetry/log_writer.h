// What a line of the log says, and who writes it.
#pragma once

#include <spdlog/sinks/base_sink.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace spanflow {

inline constexpr std::string_view kLogName = "spanflowd";

// How long a message that is repeated is only counted.
inline constexpr std::chrono::seconds kFoldingTime{10};

struct LogEntry {
  spdlog::level::level_enum level;
  spdlog::log_clock::time_point time;
  std::string text;            // valid UTF-8 without control characters
  std::uint64_t repeated = 0;  // if > 0, says how often more this message came within kFoldingTime, and nothing else
};

class LogWriter {
 public:
  virtual ~LogWriter() = default;
  virtual void write(const LogEntry& entry) = 0;
  // About once a second while there is a LogThread.
  virtual void flush() {}
};

// The way from spdlog to a writer, which is called under a lock. Here every message is made printable, whoever logged
// it.
class WriterSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit WriterSink(std::shared_ptr<LogWriter> writer) : writer_(std::move(writer)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override { writer_->flush(); }

  const std::shared_ptr<LogWriter> writer_;
};

// The text, with how often it was repeated: "text (37 times more within 10 s)".
std::string in_words(const LogEntry& entry);
// One JSON object with time (RFC 3339, UTC), level and message, sensor_id if there is one, repeated if > 0.
std::string json_line(const LogEntry& entry, std::string_view sensor_id);

// To standard error. Thread-safe.
std::unique_ptr<LogWriter> make_text_log();  // "spanflowd: warning: text", the level coloured on a terminal
std::unique_ptr<LogWriter> make_json_log(std::string sensor_id);

}  // namespace spanflow
