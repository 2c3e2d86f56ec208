// The names of the files of a sink.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace spanflow {

using WallTime = std::chrono::system_clock::time_point;

// A path whose last part may have strftime conversions, filled in with a time in UTC.
class FileName {
 public:
  explicit FileName(const std::string& path);

  // The error in such a path, or empty.
  static std::string complaint_about(const std::string& path);

  bool has_time() const { return pattern_.find('%') != std::string::npos; }
  // The path of a file begun at this time.
  std::string at(WallTime time) const { return in_folder(text_at(time)); }
  std::string in_folder(const std::string& name) const { return folder_ + name; }
  // "." or a path.
  std::string folder() const { return folder_.empty() ? "." : folder_; }
  // True if a file of this sink, begun at any time, can have this name (without its folder).
  bool may_be(const std::string& name) const;

 private:
  std::string text_at(WallTime time) const;

  std::string folder_;  // empty, or ending in a slash
  std::string pattern_;
};

// "flows.csv.zst", 2: "flows.2.csv.zst". With 0, the path itself.
std::string numbered(const std::string& path, unsigned number);

}  // namespace spanflow
