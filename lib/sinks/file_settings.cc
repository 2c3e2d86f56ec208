#include "sinks/file_settings.h"

#include <unistd.h>

#include <chrono>

#include "base/inherited_descriptor.h"
#include "sinks/file_name.h"

namespace spanflow {
namespace {

constexpr bool kMayBeOff = true;

std::vector<Setting> file_options() {
  return {
      {"path", "file to write; its name may have strftime's % conversions, in UTC; - is standard output",
       TextSetting{at<&FileSettings::path>()}},
      {"compression", "none, zstd, or auto: zstd if the file's name ends in .zst",
       compression_words(at<&FileSettings::compression>())},
      {"rotate_every", "begin a new file whenever the clock reaches a multiple of this",
       DurationSetting{at<&FileSettings::rotate_every>(), std::chrono::seconds{1}, std::chrono::hours{24} * 366,
                       kMayBeOff}},
      {"rotate_size", "begin a new file before it would hold more text than this; counted before compression",
       SizeSetting{at<&FileSettings::rotate_size>(), 1ULL << 10, 1ULL << 50, kMayBeOff}},
      {"compression_level", "zstd level: higher is smaller and slower",
       NumberSetting{at<&FileSettings::compression_level>(), 1, 19}},
  };
}

std::string file_complaint(const SinkSettings& settings) {
  const auto& file = settings.as<FileSettings>();
  if (file.compression != Compression::kAuto && file.compression != Compression::kNone &&
      file.compression != Compression::kZstd) {
    return "the compression of a file is auto, none or zstd";
  }
  const std::string complaint = FileName::complaint_about(file.path);
  return complaint.empty() ? "" : file.path + ": " + complaint;
}

std::optional<SinkSettings> file_from_target(const std::string& target) {
  if (target.empty()) return std::nullopt;
  return FileSettings{.path = target};
}

// Different paths of the same inherited descriptor give the same target.
SinkPlaces file_places(const SinkSettings& settings) {
  const std::string& path = settings.as<FileSettings>().path;
  const auto descriptor = inherited_descriptor(path, STDOUT_FILENO);
  if (!descriptor) return {.target = path, .spool = ""};
  return {.target = *descriptor == STDOUT_FILENO ? "-" : "/dev/fd/" + std::to_string(*descriptor), .spool = ""};
}

}  // namespace

SinkType file_sink_type(std::string_view name, std::string_view help,
                        std::unique_ptr<Sink> (*make)(const SinkConfig&, const SinkContext&)) {
  return {.name = name,
          .help = help,
          .target_form = "PATH",
          .options = file_options(),
          .complaint = file_complaint,
          .from_target = file_from_target,
          .places = file_places,
          .make = make};
}

}  // namespace spanflow
