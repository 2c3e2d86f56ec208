#include "sinks/file_name.h"

#include <fmt/format.h>

#include <array>
#include <ctime>

namespace spanflow {

FileName::FileName(const std::string& path) {
  const auto name = path.rfind('/') + 1;  // 0 if the path has no slash, because npos + 1 is 0
  folder_ = path.substr(0, name);
  pattern_ = path.substr(name);
}

std::string FileName::complaint_about(const std::string& path) {
  const FileName name(path);
  if (name.folder_.find('%') != std::string::npos) return "only the name of a file may have a time in it, not a folder";
  if (!name.has_time()) return "";
  const std::string text = name.text_at(WallTime{});
  if (text.empty() || text.find('/') != std::string::npos) return "the text with the time filled in is not a file name";
  // The next run calls may_be() to recognise the files of a crashed run by their names.
  return name.may_be(text) ? "" : "a conversion of strftime that strptime cannot read back";
}

std::string FileName::text_at(WallTime time) const {
  if (!has_time()) return pattern_;
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 256> text;
  return {text.data(), std::strftime(text.data(), text.size(), pattern_.c_str(), &parts)};
}

bool FileName::may_be(const std::string& name) const {
  if (!has_time()) return name == pattern_;
  std::tm parts{};
  const char* end = ::strptime(name.c_str(), pattern_.c_str(), &parts);
  return end != nullptr && *end == '\0';
}

std::string numbered(const std::string& path, unsigned number) {
  if (number == 0) return path;
  const auto name = path.rfind('/') + 1;
  auto end = path.size();
  if (path.ends_with(".zst")) end -= std::string_view(".zst").size();
  const auto dot = path.rfind('.', end - 1);
  if (dot != std::string::npos && dot > name) end = dot;
  return fmt::format("{}.{}{}", path.substr(0, end), number, path.substr(end));
}

}  // namespace spanflow
