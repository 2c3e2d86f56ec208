// Writes a report when a fatal signal ends the process.
#pragma once

#include <csignal>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/descriptor.h"
#include "base/text_buffer.h"
#include "dpi/ndpi_activity.h"
#include "telemetry/counters.h"

namespace spanflow {

// At most one object per process. The handler ends the process by the same signal as without it, so that the service
// manager and core dumps see the crash. If another process sends SIGABRT, as a watchdog does, the report is about the
// packet on which nDPI hangs.
class CrashReporter {
 public:
  // Makes the folder if it is missing. `counters` are those of all threads, and must outlive the object. Throws
  // RunError.
  CrashReporter(const std::string& folder, std::vector<const Counters*> counters);
  ~CrashReporter();
  CrashReporter(const CrashReporter&) = delete;
  CrashReporter& operator=(const CrashReporter&) = delete;

 private:
  static void handle(int signal, siginfo_t* info, void* context);
  // The following functions are async-signal-safe.
  void report(int signal, const siginfo_t& info);
  void describe(int signal, std::uint64_t time, const std::optional<NdpiActivity::Work>& work);
  void add_line(std::string_view name, std::string_view value);
  void add_line(std::string_view name, std::uint64_t value);
  void write_file(std::uint64_t time, std::string_view extension, std::initializer_list<std::string_view> parts);

  const Descriptor folder_;
  const std::vector<const Counters*> counters_;
  // Both have all their memory from the start.
  TextBuffer text_;
  TextBuffer name_;
};

}  // namespace spanflow
