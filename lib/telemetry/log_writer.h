// A log entry, and the writers that format and write entries.
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

// Within this time after a message, its repetitions are counted and not written.
inline constexpr std::chrono::seconds kFoldingTime{10};

struct LogEntry {
  spdlog::level::level_enum level;
  spdlog::log_clock::time_point time;
  std::string text;            // valid UTF-8 without control characters
  std::uint64_t repeated = 0;  // if > 0, this entry only reports the number of repetitions of an earlier entry
};

class LogWriter {
 public:
  virtual ~LogWriter() = default;
  virtual void write(const LogEntry& entry) = 0;
  // While a LogThread exists, its timer thread calls this function once per second.
  virtual void flush() {}
};

// Replaces unprintable octets in spdlog's messages and passes the messages to a writer, under a lock.
class WriterSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit WriterSink(std::shared_ptr<LogWriter> writer) : writer_(std::move(writer)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override { writer_->flush(); }

  const std::shared_ptr<LogWriter> writer_;
};

// Returns the text. If there were repetitions, their number follows: "text (37 times more within 10 s)".
std::string in_words(const LogEntry& entry);
// Returns one JSON object with time (RFC 3339, UTC), level and message. Adds sensor_id if it is not empty, and repeated
// if it is > 0.
std::string json_line(const LogEntry& entry, std::string_view sensor_id);

// The writers of the next two functions write to standard error and are thread-safe.
std::unique_ptr<LogWriter> make_text_log();  // "spanflowd: warning: text"; the level is coloured on a terminal
std::unique_ptr<LogWriter> make_json_log(std::string sensor_id);

}  // namespace spanflow
