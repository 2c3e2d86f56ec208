#include "telemetry/journal.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>
#include <vector>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

namespace spanflow {
namespace {

int priority_of(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::critical:
      return LOG_CRIT;
    case spdlog::level::err:
      return LOG_ERR;
    case spdlog::level::warn:
      return LOG_WARNING;
    case spdlog::level::info:
      return LOG_INFO;
    default:
      return LOG_DEBUG;
  }
}

class JournalLog : public LogWriter {
 public:
  explicit JournalLog(const std::string& sensor_id)
      : sensor_id_(sensor_id.empty() ? "" : "SPANFLOW_SENSOR_ID=" + sensor_id) {}

  void write(const LogEntry& entry) override {
    std::vector<std::string> fields{fmt::format("SYSLOG_IDENTIFIER={}", kLogName), "MESSAGE=" + in_words(entry),
                                    fmt::format("PRIORITY={}", priority_of(entry.level))};
    if (!sensor_id_.empty()) fields.push_back(sensor_id_);
    if (entry.repeated > 0) fields.push_back(fmt::format("SPANFLOW_REPEATED={}", entry.repeated));
    std::vector<iovec> parts;
    for (std::string& field : fields) parts.push_back({field.data(), field.size()});
    if (sd_journal_sendv(parts.data(), static_cast<int>(parts.size())) < 0) standard_error_->write(entry);
  }

 private:
  const std::string sensor_id_;  // the whole field "SPANFLOW_SENSOR_ID=...", or empty
  const std::unique_ptr<LogWriter> standard_error_ = make_text_log();
};

}  // namespace

bool standard_error_is_journal() {
  const char* const named = std::getenv("JOURNAL_STREAM");
  struct stat standard_error {};
  if (named == nullptr || ::fstat(STDERR_FILENO, &standard_error) != 0) return false;
  // If journald's socket is missing, as in a chroot, libsystemd silently drops all entries.
  return named == fmt::format("{}:{}", standard_error.st_dev, standard_error.st_ino) &&
         ::access("/run/systemd/journal/socket", F_OK) == 0;
}

std::unique_ptr<LogWriter> make_journal_log(const std::string& sensor_id) {
  return std::make_unique<JournalLog>(sensor_id);
}

}  // namespace spanflow
