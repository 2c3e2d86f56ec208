// The names of the files of a sink.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace spanflow {

using WallTime = std::chrono::system_clock::time_point;

// A path whose file name may have strftime conversions. They are replaced by a time in UTC.
class FileName {
 public:
  explicit FileName(const std::string& path);

  // Returns the error in `path`, or an empty text if the path is valid.
  static std::string complaint_about(const std::string& path);

  bool has_time() const { return pattern_.find('%') != std::string::npos; }
  // The path of a file that begins at this time.
  std::string at(WallTime time) const { return in_folder(text_at(time)); }
  std::string in_folder(const std::string& name) const { return folder_ + name; }
  // The path of the folder; "." if the path has no folder.
  std::string folder() const { return folder_.empty() ? "." : folder_; }
  // True if a file that begins at some time can have this name. `name` has no folder.
  bool may_be(const std::string& name) const;

 private:
  std::string text_at(WallTime time) const;

  std::string folder_;   // folder of the path, with a slash at the end; empty: no folder
  std::string pattern_;  // file name, with its strftime conversions
};

// Inserts the number before the extension: "flows.csv.zst" with 2 is "flows.2.csv.zst". With 0, returns the path
// itself.
std::string numbered(const std::string& path, unsigned number);

}  // namespace spanflow
