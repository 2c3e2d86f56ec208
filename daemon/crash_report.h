// Reports of crashes. The handler of a fatal signal writes a report, and the next start reads it.
//
// A report is two files in the folder for crashes: crash-TIME-PID.txt, and, if nDPI was reading a packet,
// crash-TIME-PID.pcap with this packet. TIME is in seconds since the epoch. Each line of the text is a name and a
// value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace spanflow {

namespace crash_line {
inline constexpr std::string_view kSignal = "signal";
inline constexpr std::string_view kTime = "time";
inline constexpr std::string_view kThread = "thread";
inline constexpr std::string_view kFlowKey = "flow_key";  // octets of the FlowKey, in hexadecimal digits; only in nDPI
}  // namespace crash_line

struct CrashReport {
  std::string path;  // of the text
  int signal = 0;
  std::uint64_t time = 0;  // s since the epoch
  std::string thread;
  std::optional<FlowKey> key;  // nullopt: nDPI was not running
};

// Returns the path of the folder for reports; an empty path for no reports.
std::string crash_folder(const Config& config);

// Returns the reports in the folder, the oldest first. Without the folder, there are none. Text that is no report is
// left out. Removes all but the newest 100 reports.
std::vector<CrashReport> read_crash_reports(const std::string& folder);

// The consequences of the reports for a run that starts at the time `now`, in s since the epoch.
struct CrashLessons {
  std::vector<FlowKey> quarantined;   // keys on which nDPI has crashed at least twice
  std::uint64_t recent = 0;           // crashes of nDPI within the last hour
  std::optional<CrashReport> newest;  // if it is not older than an hour
};
CrashLessons lessons_of(const std::vector<CrashReport>& reports, std::uint64_t now);

// Reads the reports of the configured folder, and logs and sets what follows from them: flows that nDPI does not get,
// or that the run is without nDPI.
void learn_from_crashes(Config& config);

}  // namespace spanflow
