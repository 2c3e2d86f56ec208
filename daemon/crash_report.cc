#include "crash_report.h"

#include <fmt/format.h>
#include <string.h>  // NOLINT(modernize-deprecated-headers): sigabbrev_np()

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "base/flow_hash.h"
#include "service_manager.h"
#include "sinks/text.h"
#include "telemetry/log.h"

namespace spanflow {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostReports = 100;
constexpr std::uint64_t kRecent = 3600;  // s
constexpr std::size_t kCrashesForQuarantine = 2;

template <typename Number>
std::optional<Number> number(std::string_view text, int base = 10) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::optional<FlowKey> key_of(std::string_view hex) {
  std::array<std::uint8_t, sizeof(FlowKey)> octets{};
  if (hex.size() != 2 * octets.size()) return std::nullopt;
  for (std::size_t i = 0; i < octets.size(); ++i) {
    const auto octet = number<std::uint8_t>(hex.substr(2 * i, 2), 16);
    if (!octet) return std::nullopt;
    octets[i] = *octet;
  }
  FlowKey key;
  std::memcpy(&key, octets.data(), sizeof key);
  return key;
}

// Sets the member that the line is about. Returns false if the value is wrong.
bool take_line(std::string_view name, std::string_view value, CrashReport& report) {
  if (name == crash_line::kThread) {
    report.thread = value;
    return true;
  }
  const auto take = [](const auto& parsed, auto& member) {
    if (parsed) member = *parsed;
    return parsed.has_value();
  };
  if (name == crash_line::kSignal) return take(number<int>(value), report.signal);
  if (name == crash_line::kTime) return take(number<std::uint64_t>(value), report.time);
  if (name != crash_line::kFlowKey) return true;
  report.key = key_of(value);
  return report.key.has_value();
}

std::optional<CrashReport> read_report(const fs::path& path) {
  CrashReport report;
  report.path = path.string();
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::string_view text = line;
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    if (!take_line(text.substr(0, space), text.substr(space + 1), report)) return std::nullopt;
  }
  return report.signal > 0 && report.time > 0 ? std::optional(report) : std::nullopt;
}

void remove_report(const CrashReport& report) {
  std::error_code ignored;
  fs::remove(report.path, ignored);
  fs::remove(fs::path(report.path).replace_extension(".pcap"), ignored);
}

std::string address(const IpAddress& address, std::uint16_t port, unsigned ip_version) {
  TextBuffer text;
  append_address(TextWriter(text), address, ip_version).finish();
  return ip_version == 4 ? fmt::format("{}:{}", text.view(), port) : fmt::format("[{}]:{}", text.view(), port);
}

std::string to_text(const FlowKey& key) {
  return fmt::format("{} and {}, protocol {}", address(key.ip_src, key.src_port, key.ip_version),
                     address(key.ip_dst, key.dst_port, key.ip_version), key.ip_protocol);
}

std::string to_text(const CrashReport& report) {
  const char* name = ::sigabbrev_np(report.signal);
  return fmt::format("signal {} ({}) in the thread {}{}; see {}", report.signal, name == nullptr ? "unknown" : name,
                     report.thread, report.key ? ", in nDPI, in the flow of " + to_text(*report.key) : "", report.path);
}

}  // namespace

std::string crash_folder(const Config& config) {
  return service_manager::path_of(config.crash_folder, "STATE_DIRECTORY", "crashes");
}

std::vector<CrashReport> read_crash_reports(const std::string& folder) {
  std::vector<CrashReport> reports;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(folder, missing)) {
    if (entry.path().extension() != ".txt" || !entry.path().filename().string().starts_with("crash-")) continue;
    if (auto report = read_report(entry.path())) reports.push_back(std::move(*report));
  }
  std::ranges::sort(reports, {}, [](const CrashReport& report) { return std::pair(report.time, report.path); });
  while (reports.size() > kMostReports) {
    remove_report(reports.front());
    reports.erase(reports.begin());
  }
  return reports;
}

CrashLessons lessons_of(const std::vector<CrashReport>& reports, std::uint64_t now) {
  CrashLessons lessons;
  for (const CrashReport& report : reports) {
    const bool is_recent = report.time + kRecent >= now;
    if (is_recent) lessons.newest = report;
    if (!report.key) continue;
    if (is_recent) ++lessons.recent;
    const auto same_flow = [&report](const auto& key) { return is_same_flow(key, *report.key); };
    const auto crashes = std::ranges::count_if(
        reports, [&](const CrashReport& one) { return one.key.has_value() && same_flow(*one.key); });
    if (static_cast<std::size_t>(crashes) < kCrashesForQuarantine) continue;
    if (std::ranges::none_of(lessons.quarantined, same_flow)) lessons.quarantined.push_back(*report.key);
  }
  return lessons;
}

void learn_from_crashes(Config& config) {
  const std::string folder = crash_folder(config);
  if (folder.empty()) return;
  CrashLessons lessons = lessons_of(read_crash_reports(folder), static_cast<std::uint64_t>(std::time(nullptr)));
  if (lessons.newest) log().warn("the last crash: {}", to_text(*lessons.newest));
  for (const FlowKey& key : lessons.quarantined) {
    log().warn("nDPI has crashed twice in the flow of {}, and does not get it again", to_text(key));
  }
  config.dpi.quarantined = std::move(lessons.quarantined);
  if (config.dpi.most_crashes == 0 || lessons.recent < config.dpi.most_crashes) return;
  config.dpi.suspended = true;
  log().error("nDPI has crashed {} times within an hour: this run is without nDPI, so no record has an application",
              lessons.recent);
}

}  // namespace spanflow
