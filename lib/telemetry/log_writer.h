// An entry of the log, and the writers that format and write it.
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

// How long repetitions of a message are counted instead of written.
inline constexpr std::chrono::seconds kFoldingTime{10};

struct LogEntry {
  spdlog::level::level_enum level;
  spdlog::log_clock::time_point time;
  std::string text;            // valid UTF-8 without control characters
  std::uint64_t repeated = 0;  // if > 0, the entry only reports that the message came this many times more
};

class LogWriter {
 public:
  virtual ~LogWriter() = default;
  virtual void write(const LogEntry& entry) = 0;
  // Called about once per second while a LogThread exists.
  virtual void flush() {}
};

// Passes spdlog's messages to a writer, under a lock, and makes every message printable.
class WriterSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit WriterSink(std::shared_ptr<LogWriter> writer) : writer_(std::move(writer)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override { writer_->flush(); }

  const std::shared_ptr<LogWriter> writer_;
};

// The text, followed by the number of repetitions, if any: "text (37 times more within 10 s)".
std::string in_words(const LogEntry& entry);
// One JSON object with time (RFC 3339, UTC), level and message, sensor_id if not empty, repeated if > 0.
std::string json_line(const LogEntry& entry, std::string_view sensor_id);

// Both write to standard error and are thread-safe.
std::unique_ptr<LogWriter> make_text_log();  // "spanflowd: warning: text", with a coloured level on a terminal
std::unique_ptr<LogWriter> make_json_log(std::string sensor_id);

}  // namespace spanflow
