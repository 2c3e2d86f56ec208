#include "telemetry/log_writer.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/utf8.h"

namespace spanflow {
namespace {

class TextLog : public LogWriter {
 public:
  TextLog() { sink_.set_pattern("%n: %^%l%$: %v"); }
  void write(const LogEntry& entry) override { sink_.log({entry.time, {}, kLogName, entry.level, in_words(entry)}); }

 private:
  spdlog::sinks::stderr_color_sink_mt sink_;
};

class JsonLog : public LogWriter {
 public:
  explicit JsonLog(std::string sensor_id) : sensor_id_(std::move(sensor_id)) {}
  void write(const LogEntry& entry) override {
    const std::string line = json_line(entry, sensor_id_) + '\n';
    std::fwrite(line.data(), 1, line.size(), stderr);
  }

 private:
  const std::string sensor_id_;
};

std::string rfc3339(spdlog::log_clock::time_point time) {
  const auto since_epoch = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch());
  return fmt::format("{:%FT%T}.{:03}Z", fmt::gmtime(time), since_epoch.count() % 1000);
}

}  // namespace

void WriterSink::sink_it_(const spdlog::details::log_msg& message) {
  const std::string_view text{message.payload.data(), message.payload.size()};
  writer_->write({.level = message.level, .time = message.time, .text = clean_line(text)});
}

std::string in_words(const LogEntry& entry) {
  if (entry.repeated == 0) return entry.text;
  const std::string times = entry.repeated == 1 ? "once" : fmt::format("{} times", entry.repeated);
  return fmt::format("{} ({} more within {} s)", entry.text, times, kFoldingTime.count());
}

std::string json_line(const LogEntry& entry, std::string_view sensor_id) {
  const auto level = spdlog::level::to_string_view(entry.level);
  nlohmann::ordered_json line{{"time", rfc3339(entry.time)}, {"level", std::string_view(level.data(), level.size())}};
  if (!sensor_id.empty()) line["sensor_id"] = clean_utf8(sensor_id);
  if (entry.repeated > 0) line["repeated"] = entry.repeated;
  line["message"] = entry.text;
  return line.dump();
}

std::unique_ptr<LogWriter> make_text_log() { return std::make_unique<TextLog>(); }

std::unique_ptr<LogWriter> make_json_log(std::string sensor_id) {
  return std::make_unique<JsonLog>(std::move(sensor_id));
}

}  // namespace spanflow
