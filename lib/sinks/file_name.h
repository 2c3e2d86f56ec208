// How the files of a sink are called.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace spanflow {

using WallTime = std::chrono::system_clock::time_point;

// A path whose last part may have strftime's conversions, which stand for a time in UTC.
class FileName {
 public:
  explicit FileName(const std::string& path);

  // What is wrong with such a path, or empty.
  static std::string complaint_about(const std::string& path);

  bool has_time() const { return pattern_.find('%') != std::string::npos; }
  // The path of the file that begins at this time.
  std::string at(WallTime time) const { return in_folder(text_at(time)); }
  std::string in_folder(const std::string& name) const { return folder_ + name; }
  // Where the files are: "." or a path.
  std::string folder() const { return folder_.empty() ? "." : folder_; }
  // True of the name, without its folder, of a file that may have begun at any time.
  bool may_be(const std::string& name) const;

 private:
  std::string text_at(WallTime time) const;

  std::string folder_;  // empty, or with the slash at its end
  std::string pattern_;
};

// "flows.csv.zst", 2: "flows.2.csv.zst". 0 is the path as it is.
std::string numbered(const std::string& path, unsigned number);

}  // namespace spanflow
